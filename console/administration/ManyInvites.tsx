import { useEffect, useRef, useState } from 'react';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { CopyButton } from '../../ui/Copy.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { type ConsoleProblem, problemOf } from '../api/client.ts';
import { patiently } from '../bulk/jobs.ts';
import { runMany } from '../bulk/runMany.ts';
import { useConsole } from '../Console.tsx';
import { useConsoleText, useProblemText } from '../text.ts';

type Result = { link: string; delivery: 'mailed' | 'outbox' | 'failed' } | { problem: ConsoleProblem };

/** Invites people one after the other; every link is shown this once, to be copied where it was not mailed. */
export function ManyInvites({ emails, close }: { emails: readonly string[]; close: () => void }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const problemText = useProblemText();
  const [results, setResults] = useState<ReadonlyMap<string, Result>>(new Map());
  const [open, setOpen] = useState(emails);
  const [running, setRunning] = useState(true);
  const stop = useRef(new AbortController());

  useEffect(() => {
    const abort = new AbortController();
    stop.current = abort;
    setRunning(true);
    const invite = async (email: string): Promise<Result> => {
      const { link, delivery } = await patiently(() => api.invite(email), abort.signal);
      return { link, delivery };
    };
    void runMany<{ id: string }, Result>(
      open.map((id) => ({ id })),
      {
        chunk: 1,
        lanes: 1,
        signal: abort.signal,
        work: async ([item]) => (item ? [{ id: item.id, result: await invite(item.id) }] : []),
        failed: (_item, thrown) => ({ problem: problemOf(thrown) }),
        report: (outcomes) =>
          setResults((before) => new Map([...before, ...outcomes.map(({ id, result }) => [id, result] as const)])),
      },
    ).then(() => setRunning(false));
    return () => abort.abort();
  }, [api, open]);

  const failed = emails.filter((email) => {
    const result = results.get(email);
    return !result || 'problem' in result;
  });
  const lines = emails.flatMap((email) => {
    const result = results.get(email);
    return result && 'link' in result ? [`${email}\t${result.link}`] : [];
  });
  return (
    <Dialog
      title={t('invites.manyTitle', { count: emails.length })}
      onClose={running ? () => stop.current.abort() : close}
      actions={
        running ? (
          <Button data-first onClick={() => stop.current.abort()}>
            {t('bulk.stop')}
          </Button>
        ) : (
          <>
            {lines.length > 0 && (
              <CopyButton
                text={lines.join('\n')}
                label={t('invites.copyLinks', { count: lines.length })}
                look="secondary"
              />
            )}
            {failed.length > 0 && (
              <Button onClick={() => setOpen([...failed])}>{t('bulk.again', { count: failed.length })}</Button>
            )}
            <Button look="primary" data-first onClick={close}>
              {t('action.close')}
            </Button>
          </>
        )
      }
    >
      <progress aria-label={t('bulk.progress')} max={emails.length} value={results.size} />
      <p role="status">{running ? '' : t('invites.manyDone', { count: lines.length })}</p>
      <ul className="bulk-results">
        {emails.map((email) => {
          const result = results.get(email);
          if (!result) return null;
          const good = 'link' in result;
          return (
            <li key={email}>
              <bdi>{email}</bdi>
              <Badge tone={good ? 'good' : 'bad'} icon={good ? 'check' : 'cross'}>
                {good ? t(`invites.delivery.${result.delivery}`) : t('bulk.failed')}
              </Badge>
              {!good && <p className="soft">{problemText(result.problem).title}</p>}
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}
