import { useState } from 'react';
import type { DeviceChange } from '../../contract/administration.ts';
import { AskDialog } from '../AskDialog.tsx';
import { SwitchField, TextField } from '../fields.tsx';
import { useConsoleText } from '../text.ts';

/** Who a device belongs to, or that it belongs to nobody in particular. */
export function OwnerDialog(props: {
  title: string;
  email: string;
  shared: boolean;
  close: () => void;
  change: (change: DeviceChange) => void;
}) {
  const t = useConsoleText();
  const [email, setEmail] = useState(props.email);
  const [shared, setShared] = useState(props.shared);
  const [fault, setFault] = useState(false);
  const confirm = (): void => {
    const given = shared ? '' : email.trim();
    const wrong = given !== '' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(given);
    setFault(wrong);
    if (!wrong) props.change({ owner: given === '' ? null : given, shared });
  };
  return (
    <AskDialog title={props.title} confirm={t('action.save')} close={props.close} run={confirm}>
      <p>{t('ownerAction.text')}</p>
      <TextField
        first
        type="email"
        label={t('ownerAction.email')}
        note={t('ownerAction.emailNote')}
        value={shared ? '' : email}
        disabled={shared}
        change={setEmail}
        fault={fault ? t('invites.emailMissing') : null}
      />
      <SwitchField label={t('ownerAction.shared')} checked={shared} change={setShared} />
    </AskDialog>
  );
}
