import { type ReactNode, useState } from 'react';
import { AskDialog } from '../AskDialog.tsx';
import type { ConsoleProblem } from '../api/client.ts';
import { TextField } from '../fields.tsx';
import { useAction } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { ConfirmDialog, SecretDialog } from './SecretDialog.tsx';

type Named = { id: string; name: string };
type Made = { token: Named; secret: string };
/** `problem` is why the last attempt failed: what was filled in stays. */
export type FormOf<R> = { make: (request: R) => void; close: () => void; problem: ReactNode };
type Asking = { kind: 'make' } | { kind: 'made'; made: Made } | { kind: 'revoke'; token: Named } | null;

/** What both kinds of tokens have around their list: making one, showing its secret the one time, revoking it. */
export function useTokenDialogs<R>(options: {
  make: (request: R) => Promise<Made>;
  revoke: (id: string) => Promise<unknown>;
  changed: () => void;
  /** Asks what the token may do. */
  form: (dialog: FormOf<R>) => ReactNode;
}): {
  make: () => void;
  revoke: (token: Named) => void;
  problem: ConsoleProblem | null;
  dismiss: () => void;
  dialog: ReactNode;
} {
  const t = useConsoleText();
  const action = useAction();
  const [asking, setAsking] = useState<Asking>(null);
  const close = (): void => {
    action.dismiss();
    setAsking(null);
  };
  const make = (request: R): void =>
    action.run(async () => {
      setAsking({ kind: 'made', made: await options.make(request) });
      options.changed();
    });
  const revoke = (token: Named): void =>
    action.run(async () => {
      close();
      await options.revoke(token.id);
      options.changed();
    });
  const dialogOf = (): ReactNode => {
    switch (asking?.kind) {
      case undefined:
        return null;
      case 'make':
        return options.form({ make, close, problem: action.problem && <ProblemNotice problem={action.problem} /> });
      case 'made':
        return (
          <SecretDialog
            title={t('tokens.madeTitle', { name: asking.made.token.name })}
            text={t('tokens.madeText')}
            label={t('tokens.secret')}
            secret={asking.made.secret}
            close={close}
          />
        );
      case 'revoke':
        return (
          <ConfirmDialog
            title={t('tokens.revokeTitle', { name: asking.token.name })}
            text={t('tokens.revokeText')}
            confirm={t('action.revoke')}
            close={close}
            run={() => revoke(asking.token)}
          />
        );
      default:
        return asking satisfies never;
    }
  };
  return {
    make: () => setAsking({ kind: 'make' }),
    revoke: (token) => setAsking({ kind: 'revoke', token }),
    problem: asking?.kind === 'make' ? null : action.problem,
    dismiss: action.dismiss,
    dialog: dialogOf(),
  };
}

/** The form of either kind: name and days are asked for everywhere; `children` asks for the rest. */
export function MakeTokenDialog(props: {
  title: string;
  days: string;
  close: () => void;
  /** False where what `children` ask for is not complete. */
  complete: boolean;
  problem: ReactNode;
  make: (token: { name: string; days: number }) => void;
  children: (tried: boolean) => ReactNode;
}) {
  const t = useConsoleText();
  const [name, setName] = useState('');
  const [days, setDays] = useState(props.days);
  const [tried, setTried] = useState(false);
  const confirm = (): void => {
    setTried(true);
    if (name.trim() !== '' && props.complete) props.make({ name: name.trim(), days: Number(days) });
  };
  return (
    <AskDialog title={props.title} confirm={t('provisioning.make')} close={props.close} run={confirm}>
      {props.problem}
      <TextField
        first
        label={t('provisioning.name')}
        value={name}
        change={setName}
        fault={tried && name.trim() === '' ? t('tokens.nameMissing') : null}
      />
      <TextField label={t('provisioning.days')} type="number" min={1} max={365} value={days} change={setDays} />
      {props.children(tried)}
    </AskDialog>
  );
}
