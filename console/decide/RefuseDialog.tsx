import { useId, useRef, useState } from 'react';
import type { Device } from '../../contract/device.ts';
import { Icon } from '../../ui/Icon.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { useConsoleText } from '../text.ts';

/** A refusal needs a reason: its owner will read it. */
export function RefuseDialog(props: {
  devices: readonly Device[];
  close: () => void;
  refuse: (reason: string) => void;
}) {
  const t = useConsoleText();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const { devices } = props;
  const [only] = devices;
  const confirm = (): void => {
    const given = reason.trim();
    setMissing(given === '');
    if (given === '') field.current?.focus();
    else props.refuse(given);
  };
  return (
    <AskDialog
      title={
        devices.length === 1 && only
          ? t('decide.refuseTitle', { name: only.name })
          : t('decide.refuseTitleAll', { count: devices.length })
      }
      confirm={t('decide.refuseConfirm')}
      look="danger"
      close={props.close}
      run={confirm}
    >
      <p>{t('decide.refuseText')}</p>
      <div className="field">
        <label htmlFor={id}>{t('decide.reason')}</label>
        <textarea
          ref={field}
          id={id}
          className="input"
          data-first
          required
          maxLength={1000}
          value={reason}
          aria-invalid={missing}
          aria-describedby={missing ? `${id}-missing` : undefined}
          onChange={(event) => {
            setReason(event.target.value);
            setMissing(false);
          }}
        />
        {missing && (
          <p className="field-error" id={`${id}-missing`} role="alert">
            <Icon name="warning" />
            <span>{t('decide.reasonMissing')}</span>
          </p>
        )}
      </div>
    </AskDialog>
  );
}
