import { useEffect, useState } from 'react';
import type { z } from 'zod';
import type { Candidate, Conflict } from '../../contract/administration.ts';
import type { Device } from '../../contract/device.ts';
import type { Evidence } from '../../contract/evidence.ts';
import { EkClassBadge } from '../../ui/Assurance.tsx';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { ApprovalBadge, AttestationBadge } from '../../ui/StatusBadges.tsx';
import type { Resolution } from '../api/client.ts';
import { mayDecide, useConsole } from '../Console.tsx';
import { DeviceName, OwnerText, systemOf } from '../DeviceName.tsx';
import { isEkClass } from '../devices/ekClass.ts';
import { machineOf, verdictOf } from '../devices/evidenceFacts.ts';
import { hrefOf } from '../route.ts';
import { type ConsoleText, useConsoleText } from '../text.ts';

export type CandidateItem = z.infer<typeof Candidate>;
export type Asking =
  | { kind: 'conflict'; conflict: Conflict; resolution: Resolution }
  | { kind: 'candidate'; item: CandidateItem; resolution: 'merge' | 'reject' };

export function ConflictCard({ conflict, ask }: { conflict: Conflict; ask: (resolution: Resolution) => void }) {
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
        <Side title={t('conflicts.record')} device={conflict.device} other={conflict.candidate} />
        {conflict.candidate ? (
          <Side title={t('conflicts.candidate')} device={conflict.candidate} other={conflict.device} />
        ) : (
          <Claim conflict={conflict} />
        )}
      </div>
      {conflict.state === 'resolved' ? (
        <p className="soft">{t('conflicts.resolvedBy', { who: conflict.resolvedBy ?? t('value.unknown') })}</p>
      ) : (
        mayDecide(session) && (
          <Decisions
            of={conflict.device.name}
            decisions={conflict.resolutions.map((resolution) => ({
              ...wordsOf({ kind: 'conflict', conflict, resolution }, t),
              take: () => ask(resolution),
            }))}
          />
        )
      )}
    </li>
  );
}

const CLAIMED = ['email', 'deviceName', 'source', 'by', 'identifier', 'keyThumbprint', 'replacedAt'] as const;

/** What is told of a claim that made no record: named as the record's facts are, so that the two can be compared. */
function Claim({ conflict }: { conflict: Conflict }) {
  const t = useConsoleText();
  const format = useFormat();
  const { api } = useConsole();
  const { claimant, device } = conflict;
  const [evidence, setEvidence] = useState<Evidence | null>(null);
  useEffect(() => {
    let gone = false;
    if (claimant.evidence) {
      api.evidence(claimant.evidence).then(
        (read) => !gone && setEvidence(read),
        // Without it the claim is still told in words.
        () => undefined,
      );
    }
    return () => {
      gone = true;
    };
  }, [api, claimant.evidence]);
  return (
    <div className="conflict-side">
      <h3>{t('conflicts.claim')}</h3>
      <Facts>
        {CLAIMED.map((name) => {
          const value = claimant[name];
          if (value === undefined) return null;
          const other = name === 'email' && value.toLowerCase() !== device.owner?.email.toLowerCase();
          return (
            <Fact key={name} name={t(`claim.${name}`)} stacked={name === 'identifier' || name === 'keyThumbprint'}>
              <bdi
                className={name === 'identifier' || name === 'keyThumbprint' ? 'mono' : other ? 'differs' : undefined}
              >
                {name === 'replacedAt' ? format.dateTime(value) : value}
              </bdi>
            </Fact>
          );
        })}
        {evidence && <Brought evidence={evidence} device={device} />}
      </Facts>
      <p className="field-note">{t('conflicts.claimNote')}</p>
    </div>
  );
}

/** What the claim proved and said of its machine, in the rows of the record beside it. */
function Brought({ evidence, device }: { evidence: Evidence; device: Device }) {
  const t = useConsoleText();
  const { ekClass } = verdictOf(evidence);
  const { serial, system } = machineOf(evidence);
  return (
    <>
      <Fact name={t('fact.attestation')}>
        <AttestationBadge attestation={evidence.outcome} />
      </Fact>
      {isEkClass(ekClass) && (
        <Fact name={t('fact.ekClass')}>
          <EkClassBadge ekClass={ekClass} />
        </Fact>
      )}
      <Fact name={t('device.serial')} note={serial ? t('device.claimNote') : undefined}>
        <span className={serial && serial !== device.serial ? 'differs' : undefined}>
          {serial ?? t('value.unknown')}
        </span>
      </Fact>
      <Fact name={t('device.system')}>{system ?? t('value.unknown')}</Fact>
      <Fact name={t('evidence.title')}>
        <a href={hrefOf({ name: 'device', id: device.id })}>{t('conflicts.evidence')}</a>
      </Fact>
    </>
  );
}

/** One record's facts; what differs from the other side stands out. */
function Side({ title, device, other }: { title: string; device: Device; other?: Device | null }) {
  const t = useConsoleText();
  const differs = (field: 'owner' | 'serial' | 'os'): string | undefined =>
    other && JSON.stringify(other[field]) !== JSON.stringify(device[field]) ? 'differs' : undefined;
  return (
    <div className="conflict-side">
      <h3>{title}</h3>
      <Facts>
        <Fact name={t('fact.device')} stacked>
          <DeviceName device={device} />
        </Fact>
        <Fact name={t('fact.owner')}>
          <span className={differs('owner')}>
            <OwnerText device={device} />
          </span>
        </Fact>
        <Fact name={t('fact.approval')}>
          <ApprovalBadge approval={device.approval} />
        </Fact>
        <Fact name={t('fact.attestation')}>
          <AttestationBadge attestation={device.attestation} />
        </Fact>
        <Fact name={t('fact.ekClass')}>
          <EkClassBadge ekClass={device.ekClass} />
        </Fact>
        <Fact name={t('device.serial')} note={device.serial ? t('device.claimNote') : undefined}>
          <span className={differs('serial')}>{device.serial ?? t('value.unknown')}</span>
        </Fact>
        <Fact name={t('device.system')}>
          <span className={differs('os')}>{systemOf(device) ?? t('value.unknown')}</span>
        </Fact>
        <Fact name={t('fact.source')}>{device.source}</Fact>
        <Fact name={t('device.createdAt')}>
          <RelativeTime at={device.createdAt} />
        </Fact>
      </Facts>
    </div>
  );
}

export function CandidateCard({ item, ask }: { item: CandidateItem; ask: (resolution: 'merge' | 'reject') => void }) {
  const t = useConsoleText();
  const { session } = useConsole();
  return (
    <li className="card conflict">
      <div className="conflict-sides">
        <Side title={t('conflicts.claim')} device={item.candidate} other={item.device} />
        {item.device && <Side title={t('conflicts.record')} device={item.device} other={item.candidate} />}
      </div>
      {mayDecide(session) && (
        <Decisions
          of={item.candidate.name}
          decisions={(['merge', 'reject'] as const).map((resolution) => ({
            ...wordsOf({ kind: 'candidate', item, resolution }, t),
            take: () => ask(resolution),
          }))}
        />
      )}
    </li>
  );
}

/** Each way out with what it will do, before anything is clicked. */
function Decisions(props: { of: string; decisions: readonly { title: string; means: string; take: () => void }[] }) {
  return (
    <dl className="ways-out">
      {props.decisions.map(({ title, means, take }) => (
        <div key={title}>
          <dt>
            <Button aria-label={`${title}: ${props.of}`} onClick={take}>
              {title}
            </Button>
          </dt>
          <dd className="soft">{means}</dd>
        </div>
      ))}
    </dl>
  );
}

const resolutionName = (kind: Conflict['kind'], resolution: Resolution, t: ConsoleText): string =>
  resolution === 'reject' ? t('conflicts.resolve.reject') : t(`conflicts.resolve.${resolution}.${kind}`);

/** What a way out is called, and what it will do. */
export function wordsOf(asking: Asking, t: ConsoleText): { title: string; means: string } {
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
