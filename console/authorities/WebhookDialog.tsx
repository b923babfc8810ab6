import { useState } from 'react';
import type { CaWebhook } from '../../contract/caWebhooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { useConsole } from '../Console.tsx';
import { SelectField, TextField } from '../fields.tsx';
import { useAction } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { isWebhookId, isWebhookSecret } from './webhook.ts';

/** Asks for a webhook that step-ca made, or for what changes of a known one: its secret is never shown, and stays where none is given. */
export function WebhookDialog(props: {
  known: CaWebhook | null;
  /** Ids that are entered already: entering one again would replace it unseen. */
  taken: readonly string[];
  close: () => void;
  saved: (webhook: CaWebhook) => void;
}) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { known } = props;
  const action = useAction();
  const [name, setName] = useState(known?.name ?? '');
  const [id, setId] = useState(known?.id ?? '');
  const [secret, setSecret] = useState('');
  const [level, setLevel] = useState<CaWebhook['level']>(known?.level ?? 'high');
  const [tried, setTried] = useState(false);
  const faults = {
    name: name.trim() === '' ? t('tokens.nameMissing') : null,
    id: known ? null : idFault(id.trim()),
    secret: (known && secret.trim() === '') || isWebhookSecret(secret.trim()) ? null : t('authorities.secretWrong'),
  };
  function idFault(typed: string): string | null {
    if (!isWebhookId(typed)) return t('authorities.idWrong');
    return props.taken.includes(typed) ? t('authorities.idTaken') : null;
  }
  const save = (): void => {
    setTried(true);
    if (Object.values(faults).some((fault) => fault !== null)) return;
    const given = secret.trim() === '' ? {} : { secret: secret.trim() };
    action.run(async () => props.saved(await api.putCaWebhook(id.trim(), { name: name.trim(), level, ...given })));
  };
  const shown = (fault: string | null) => (tried ? fault : null);
  return (
    <Dialog
      title={known ? t('authorities.changeTitle', { name: known.name }) : t('authorities.enterTitle')}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t('action.cancel')}</Button>
          <Button look="primary" busy={action.busy} onClick={save}>
            {t(known ? 'action.save' : 'authorities.enterConfirm')}
          </Button>
        </>
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} />}
      <TextField
        first
        label={t('tokens.column.name')}
        note={t('authorities.nameNote')}
        value={name}
        change={setName}
        fault={shown(faults.name)}
      />
      {!known && (
        <TextField
          label={t('authorities.id')}
          note={t('authorities.idNote')}
          value={id}
          change={setId}
          fault={shown(faults.id)}
        />
      )}
      <TextField
        label={t('authorities.secret')}
        note={t(known ? 'authorities.secretKept' : 'authorities.secretNote')}
        value={secret}
        change={setSecret}
        fault={shown(faults.secret)}
      />
      <SelectField
        label={t('authorities.level')}
        note={t('authorities.levelNote')}
        value={level}
        options={[
          ['high', t('assurance.high')],
          ['normal', t('assurance.normal')],
        ]}
        change={setLevel}
      />
    </Dialog>
  );
}
