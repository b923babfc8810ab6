import { type ReactNode, useId } from 'react';
import { Button } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { AskDialog } from '../AskDialog.tsx';
import { useConsoleText } from '../text.ts';

/** Shows a secret the one time that it exists outside the hash. */
export function SecretDialog(props: { title: string; text: string; label: string; secret: string; close: () => void }) {
  const t = useConsoleText();
  const id = useId();
  return (
    <Dialog
      title={props.title}
      onClose={props.close}
      actions={
        <>
          <CopyButton text={props.secret} look="secondary" />
          <Button look="primary" onClick={props.close}>
            {t('action.close')}
          </Button>
        </>
      }
    >
      <p>{props.text}</p>
      <div className="field">
        <label htmlFor={id}>{props.label}</label>
        <textarea id={id} className="input mono secret" dir="ltr" readOnly data-first value={props.secret} />
      </div>
    </Dialog>
  );
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: {
  title: string;
  text: string;
  confirm: string;
  run: () => void;
  close: () => void;
  children?: ReactNode;
}) {
  return (
    <AskDialog urgent title={props.title} confirm={props.confirm} look="danger" close={props.close} run={props.run}>
      <p>{props.text}</p>
      {props.children}
    </AskDialog>
  );
}
