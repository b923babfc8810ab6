import { useCallback, useId, useState } from 'react';
import type { z } from 'zod';
import type { Candidate, Conflict } from '../../contract/administration.ts';
import type { Device } from '../../contract/device.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge } from '../../ui/StatusBadges.tsx';
import { ApiError, type Resolution } from '../api/client.ts';
import { mayDecide, useConsole } from '../Console.tsx';
import { DeviceName, OwnerText, systemOf } from '../DeviceName.tsx';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { TextField } from './fields.tsx';
import { PagedList, useAction, usePaged } from './lists.tsx';

type CandidateItem = z.infer<typeof Candidate>;
type Asking =
  | { kind: 'conflict'; conflict: Conflict; resolution: Resolution }
  | { kind: 'candidate'; item: CandidateItem; resolution: 'merge' | 'reject' };

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
  const action = useAction();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [changed, setChanged] = useState(false);

  const resolve = (asked: Asking, reason: string): void =>
    action.run(async () => {
      setAsking(null);
      setChanged(false);
      try {
        if (asked.kind === 'conflict') await api.resolve(asked.conflict, asked.resolution, reason);
        else await api.resolveCandidate(asked.item, asked.resolution, reason);
        announce(t('conflicts.done'));
      } catch (thrown) {
        if (!(thrown instanceof ApiError) || thrown.status !== 412) throw thrown;
        setChanged(true);
      }
      conflicts.reload();
      candidates.reload();
    });

  return (
    <View
      title={t('conflicts.title')}
      text={t('conflicts.text')}
      aside={<StateChoice state={state} change={setState} />}
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

function StateChoice({ state, change }: { state: Conflict['state']; change: (state: Conflict['state']) => void }) {
  const t = useConsoleText();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{t('conflicts.show')}</label>
      <select
        id={id}
        className="input"
        value={state}
        onChange={(event) => change(event.target.value === 'resolved' ? 'resolved' : 'open')}
      >
        <option value="open">{t('conflicts.open')}</option>
        <option value="resolved">{t('conflicts.resolved')}</option>
      </select>
    </div>
  );
}

function ConflictCard({ conflict, ask }: { conflict: Conflict; ask: (resolution: Resolution) => void }) {
  const t = useConsoleText();
  const { session } = useConsole();
  return (
    <li className="card conflict">
      <div className="view-head">
        <div>
          <h2>{t(`conflicts.kind.${conflict.kind}`)}</h2>
          <p className="soft">
            <RelativeTime at={conflict.createdAt} />
          </p>
        </div>
        {conflict.state === 'resolved' && conflict.resolution && (
          <Badge tone="good" icon="check">
            {resolutionName(conflict.kind, conflict.resolution, t)}
          </Badge>
        )}
      </div>
      <div className="conflict-sides">
        <Side title={t('conflicts.record')} device={conflict.device} />
        {conflict.candidate ? (
          <Side title={t('conflicts.candidate')} device={conflict.candidate} />
        ) : (
          <div className="conflict-side">
            <h3>{t('conflicts.claim')}</h3>
            <Facts>
              {Object.entries(conflict.claimant).map(([name, value]) => (
                <Fact key={name} name={name}>
                  <bdi>{value}</bdi>
                </Fact>
              ))}
            </Facts>
            <p className="field-note">{t('conflicts.claimNote')}</p>
          </div>
        )}
      </div>
      {conflict.state === 'resolved' ? (
        <p className="soft">{t('conflicts.resolvedBy', { who: conflict.resolvedBy ?? t('value.unknown') })}</p>
      ) : (
        mayDecide(session) && (
          <div className="row-actions">
            {conflict.resolutions.map((resolution) => (
              <Button key={resolution} onClick={() => ask(resolution)}>
                {resolutionName(conflict.kind, resolution, t)}
              </Button>
            ))}
          </div>
        )
      )}
    </li>
  );
}

function Side({ title, device }: { title: string; device: Device }) {
  const t = useConsoleText();
  return (
    <div className="conflict-side">
      <h3>{title}</h3>
      <Facts>
        <Fact name={t('fact.device')}>
          <DeviceName device={device} />
        </Fact>
        <Fact name={t('fact.owner')}>
          <OwnerText device={device} />
        </Fact>
        <Fact name={t('fact.approval')}>
          <ApprovalBadge approval={device.approval} />
        </Fact>
        <Fact name={t('device.serial')} note={device.serial ? t('device.claimNote') : undefined}>
          {device.serial ?? t('value.unknown')}
        </Fact>
        <Fact name={t('device.system')}>{systemOf(device) ?? t('value.unknown')}</Fact>
      </Facts>
    </div>
  );
}

function CandidateCard({ item, ask }: { item: CandidateItem; ask: (resolution: 'merge' | 'reject') => void }) {
  const t = useConsoleText();
  const { session } = useConsole();
  return (
    <li className="card conflict">
      <div className="conflict-sides">
        <Side title={t('conflicts.claim')} device={item.candidate} />
        {item.device && <Side title={t('conflicts.record')} device={item.device} />}
      </div>
      {mayDecide(session) && (
        <div className="row-actions">
          <Button onClick={() => ask('merge')}>{t('candidates.join')}</Button>
          <Button onClick={() => ask('reject')}>{t('candidates.refuse')}</Button>
        </div>
      )}
    </li>
  );
}

const resolutionName = (kind: Conflict['kind'], resolution: Resolution, t: ConsoleText): string =>
  resolution === 'reject' ? t('conflicts.resolve.reject') : t(`conflicts.resolve.${resolution}.${kind}`);

function ResolveDialog(props: { asking: Asking; close: () => void; resolve: (reason: string) => void }) {
  const t = useConsoleText();
  const [reason, setReason] = useState('');
  const { title, means } = wordsOf(props.asking, t);
  return (
    <Dialog
      title={title}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t('action.cancel')}</Button>
          <Button look="primary" onClick={() => props.resolve(reason.trim())}>
            {title}
          </Button>
        </>
      }
    >
      <p>{means}</p>
      <TextField first lines label={t('conflicts.reason')} value={reason} change={setReason} />
    </Dialog>
  );
}

function wordsOf(asking: Asking, t: ConsoleText): { title: string; means: string } {
  if (asking.kind === 'candidate') {
    return asking.resolution === 'merge'
      ? { title: t('candidates.join'), means: t('candidates.joinMeans') }
      : { title: t('candidates.refuse'), means: t('candidates.refuseMeans') };
  }
  const { conflict, resolution } = asking;
  const title = resolutionName(conflict.kind, resolution, t);
  return resolution === 'reject'
    ? { title, means: t('conflicts.means.reject') }
    : { title, means: t(`conflicts.means.${resolution}.${conflict.kind}`) };
}
