import { useCallback, useState } from 'react';
import type { Device } from '../../contract/device.ts';
import type { Evidence, EvidenceSummary, EvidenceVerification } from '../../contract/evidence.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Fact, Facts, Fold } from '../../ui/Facts.tsx';
import { useFormat, useLanguage } from '../../ui/I18n.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { useConsole } from '../Console.tsx';
import { PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { useConsoleText } from '../text.ts';
import { ProblemNotice } from '../View.tsx';
import { isEkClass } from './ekClass.ts';
import { download, pcrsOf, pemOf, verdictOf } from './evidenceFacts.ts';
import { evidenceReasonInGerman } from './evidenceReasons.ts';

/** Every attestation that is kept of a device: the verdict of its time, the bytes behind it, and today's rules over them. */
export function EvidenceList({ device }: { device: Device }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { id, version } = device;
  const list = usePaged(
    useCallback(async () => {
      // A new version may have brought new evidence.
      void version;
      return { items: (await api.evidenceOf(id)).evidence, next: null };
    }, [api, id, version]),
  );
  return (
    <section className="panel panel-wide" aria-label={t('evidence.title')}>
      <h2>{t('evidence.title')}</h2>
      {device.conflictId && <p className="soft">{t('evidence.ofClaimToo')}</p>}
      <PagedList list={list} empty={t('evidence.none')} emptyText={t('evidence.noneText')}>
        {(items) => (
          <ol className="stack">
            {items.map((item) => (
              <EvidenceItem key={item.id} item={item} />
            ))}
          </ol>
        )}
      </PagedList>
    </section>
  );
}

function EvidenceItem({ item }: { item: EvidenceSummary }) {
  const t = useConsoleText();
  const format = useFormat();
  const { api } = useConsole();
  const action = useAction();
  const [full, setFull] = useState<Evidence | null>(null);
  const [again, setAgain] = useState<EvidenceVerification | null>(null);
  const { reasons, ekClass, secureBoot, code } = verdictOf(item);
  const read = async (): Promise<Evidence> => {
    const evidence = full ?? (await api.evidence(item.id));
    setFull(evidence);
    return evidence;
  };
  const save = (kind: 'json' | 'pem'): void =>
    action.run(async () => {
      const evidence = await read();
      if (kind === 'json')
        download(`evidence-${item.id}.json`, 'application/json', `${JSON.stringify(evidence, null, 2)}\n`);
      else download(`evidence-${item.id}.pem`, 'application/x-pem-file', pemOf(evidence));
    });
  const named = t('evidence.of', { when: format.dateTime(item.createdAt) });
  return (
    <li className="card evidence" aria-label={named}>
      <div className="evidence-head">
        <div className="badges">
          <Badge tone={item.outcome === 'valid' ? 'good' : 'bad'} icon={item.outcome === 'valid' ? 'check' : 'cross'}>
            {t(`attestation.${item.outcome}`)}
          </Badge>
          {isEkClass(ekClass) && (
            <Badge tone="neutral" icon="chip">
              {t(`ekClass.${ekClass}`)}
            </Badge>
          )}
          {secureBoot && (
            <Badge tone={secureBoot === 'on' ? 'good' : 'neutral'} icon="shield">
              {t('evidence.secureBoot', { state: t(SECURE_BOOT[secureBoot]) })}
            </Badge>
          )}
        </div>
        <span className="soft">
          {t(`evidence.kind.${item.kind}`)}, {t(`evidence.purpose.${item.purpose}`)} · {format.dateTime(item.createdAt)}{' '}
          (
          <RelativeTime at={item.createdAt} />)
        </span>
      </div>
      {code && <p className="mono small">{code}</p>}
      {reasons.length > 0 && (
        <ul className="notes">
          {reasons.map((reason) => (
            <Reason key={reason} sentence={reason} />
          ))}
        </ul>
      )}
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      {again && <JudgedAgain result={again} />}
      <div className="row-actions">
        <Button
          icon="refresh"
          busy={action.busy}
          aria-label={`${t('evidence.again')}: ${named}`}
          onClick={() => action.run(async () => setAgain(await api.judgeAgain(item.id)))}
        >
          {t('evidence.again')}
        </Button>
        <Button busy={action.busy} aria-label={`${t('evidence.json')}: ${named}`} onClick={() => save('json')}>
          {t('evidence.json')}
        </Button>
        {item.kind !== 'claim' && (
          <Button busy={action.busy} aria-label={`${t('evidence.pem')}: ${named}`} onClick={() => save('pem')}>
            {t('evidence.pem')}
          </Button>
        )}
        {full === null && (
          <Button
            look="plain"
            icon="eye"
            busy={action.busy}
            aria-label={`${t('evidence.show')}: ${named}`}
            onClick={() => action.run(async () => void (await read()))}
          >
            {t('evidence.show')}
          </Button>
        )}
      </div>
      {full && <Inside evidence={full} />}
    </li>
  );
}

const SECURE_BOOT = {
  on: 'device.secureBootOn',
  off: 'device.secureBootOff',
  unknown: 'device.secureBootUnknown',
} as const;

/** What today's rules say, beside what was said then. */
function JudgedAgain({ result }: { result: EvidenceVerification }) {
  const t = useConsoleText();
  const same = result.outcome === result.stored && result.ekClass === result.ekClassThen;
  const of = (outcome: 'valid' | 'failed', ekClass: EvidenceVerification['ekClass']): string =>
    [t(`attestation.${outcome}`), ekClass && t(`ekClass.${ekClass}`)].filter(Boolean).join(', ');
  return (
    <div
      className={`banner ${same ? 'tone-good' : result.outcome === 'valid' ? 'tone-wait' : 'tone-bad'}`}
      role="status"
    >
      <div className="banner-body">
        <p className="banner-title">{t(same ? 'evidence.same' : 'evidence.differs')}</p>
        <p>{t('evidence.then', { verdict: of(result.stored, result.ekClassThen) })}</p>
        <p>{t('evidence.today', { verdict: of(result.outcome, result.ekClass) })}</p>
        {result.code && <p className="mono small">{result.code}</p>}
        {!same && (
          <ul className="notes">
            {result.reasons.map((reason) => (
              <Reason key={reason} sentence={reason} />
            ))}
          </ul>
        )}
        <p className="small">{t('evidence.changesNothing')}</p>
      </div>
    </div>
  );
}

/** A stored sentence in the reader's language where its wording is known, else in English as it was stored. */
function Reason({ sentence }: { sentence: string }) {
  const german = useLanguage() === 'de' ? evidenceReasonInGerman(sentence) : undefined;
  return german ? <li>{german}</li> : <li lang="en">{sentence}</li>;
}

function Inside({ evidence }: { evidence: Evidence }) {
  const t = useConsoleText();
  const format = useFormat();
  const pcrs = pcrsOf(evidence);
  return (
    <div className="stack">
      {evidence.certificates.length > 0 && (
        <Table
          label={t('evidence.certificates')}
          columns={[t('evidence.certificateOf'), t('evidence.subject'), t('evidence.issuer'), t('evidence.validity')]}
        >
          {evidence.certificates.map((one) => (
            <tr key={`${one.of} ${one.sha256}`}>
              <th scope="row">{t(`evidence.of.${one.of}`)}</th>
              <td>
                <bdi>{one.subject}</bdi>
                <div className="soft mono small fingerprint">{one.sha256}</div>
              </td>
              <td>
                <bdi>{one.issuer}</bdi>
              </td>
              <td className="nowrap">
                {format.date(one.notBefore)} – {format.date(one.notAfter)}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {pcrs.length > 0 && (
        <Fold title={t('evidence.pcrs', { count: pcrs.length })}>
          <Facts label={t('evidence.pcrs', { count: pcrs.length })}>
            {pcrs.map(({ index, value }) => (
              <Fact key={index} name={`PCR ${index}`} stacked>
                <bdi className="mono">{value}</bdi>
              </Fact>
            ))}
          </Facts>
        </Fold>
      )}
    </div>
  );
}
