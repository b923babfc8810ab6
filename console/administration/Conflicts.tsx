import { useCallback, useMemo, useRef, useState } from 'react';
import type { Conflict } from '../../contract/administration.ts';
import type { ConsoleEvent } from '../../contract/decisions.ts';
import { AskDialog } from '../AskDialog.tsx';
import { ApiError } from '../api/client.ts';
import { useConsole, useEvents } from '../Console.tsx';
import { SelectField, TextField } from '../fields.tsx';
import { PagedList, useAction, usePaged } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { type Asking, CandidateCard, ConflictCard, wordsOf } from './ConflictCards.tsx';

export function Conflicts() {
  const t = useConsoleText();
  const { api, announce } = useConsole();
  const [state, setState] = useState<Conflict['state']>('open');
  const conflicts = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const page = await api.conflicts(state, cursor);
        return { items: page.conflicts, next: page.next };
      },
      [api, state],
    ),
  );
  const candidates = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const page = await api.candidates(cursor);
        return { items: page.candidates, next: page.next };
      },
      [api],
    ),
  );
  useEvents(
    useNewConflicts(
      useMemo(() => new Set(conflicts.items?.map((conflict) => conflict.id)), [conflicts.items]),
      state === 'open' ? conflicts.reload : null,
    ),
  );
  const action = useAction();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [changed, setChanged] = useState(false);

  const resolve = (asked: Asking, reason: string): void =>
    action.run(async () => {
      setAsking(null);
      setChanged(false);
      let done = true;
      try {
        if (asked.kind === 'conflict') await api.resolve(asked.conflict, asked.resolution, reason);
        else await api.resolveCandidate(asked.item, asked.resolution, reason);
      } catch (thrown) {
        if (!(thrown instanceof ApiError) || thrown.status !== 412) throw thrown;
        done = false;
      }
      await Promise.all([conflicts.reload(), candidates.reload()]);
      if (done) announce(t('conflicts.done'));
      setChanged(!done);
    });

  return (
    <View
      title={t('conflicts.title')}
      text={t('conflicts.text')}
      aside={
        <SelectField
          label={t('conflicts.show')}
          value={state}
          options={[
            ['open', t('conflicts.open')],
            ['resolved', t('conflicts.resolved')],
          ]}
          change={setState}
        />
      }
    >
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      {changed && (
        <p className="banner tone-wait" role="alert">
          {t('conflicts.changed')}
        </p>
      )}
      <PagedList list={conflicts} empty={t('conflicts.empty')} emptyText={t('conflicts.emptyText')}>
        {(items) => (
          <ul className="stack">
            {items.map((conflict) => (
              <ConflictCard
                key={conflict.id}
                conflict={conflict}
                ask={(resolution) => setAsking({ kind: 'conflict', conflict, resolution })}
              />
            ))}
          </ul>
        )}
      </PagedList>
      <div className="subhead">
        <h2>{t('candidates.title')}</h2>
        <p className="soft">{t('candidates.text')}</p>
      </div>
      <PagedList list={candidates} empty={t('candidates.empty')}>
        {(items) => (
          <ul className="stack">
            {items.map((item) => (
              <CandidateCard
                key={item.candidate.id}
                item={item}
                ask={(resolution) => setAsking({ kind: 'candidate', item, resolution })}
              />
            ))}
          </ul>
        )}
      </PagedList>
      {asking && (
        <ResolveDialog asking={asking} close={() => setAsking(null)} resolve={(reason) => resolve(asking, reason)} />
      )}
    </View>
  );
}

/** Reads the list anew when a device tells of a conflict that is not in it. */
function useNewConflicts(known: ReadonlySet<string>, reload: (() => void) | null): (event: ConsoleEvent) => void {
  const current = useRef({ known, reload });
  current.current = { known, reload };
  return useCallback(({ device }: ConsoleEvent) => {
    if (device.conflictId && !current.current.known.has(device.conflictId)) current.current.reload?.();
  }, []);
}

function ResolveDialog(props: { asking: Asking; close: () => void; resolve: (reason: string) => void }) {
  const t = useConsoleText();
  const [reason, setReason] = useState('');
  const { title, means } = wordsOf(props.asking, t);
  return (
    <AskDialog title={title} confirm={title} close={props.close} run={() => props.resolve(reason.trim())}>
      <p>{means}</p>
      <TextField first lines label={t('conflicts.reason')} value={reason} change={setReason} />
    </AskDialog>
  );
}
