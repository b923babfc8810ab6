import { useId } from 'react';
import type { AuditRecord } from '../../contract/evidence.ts';
import { shortIdentifier } from '../../contract/shortIdentifier.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Fold } from '../../ui/Facts.tsx';
import { useFormat } from '../../ui/I18n.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { Table } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { type ConsoleText, useConsoleText } from '../text.ts';
import { changesOf } from './changes.ts';
import { actionText, actorText, SUBJECTS } from './words.ts';

/** Audit records as rows; `subject` is left out where every row has the same one. */
export function AuditTable(props: { records: readonly AuditRecord[]; label: string; subject: boolean }) {
  const t = useConsoleText();
  return (
    <Table
      label={props.label}
      columns={[
        t('audit.column.when'),
        t('audit.column.what'),
        t('audit.column.who'),
        ...(props.subject ? [t('audit.column.on')] : []),
        t('audit.column.fields'),
      ]}
    >
      {props.records.map((record) => (
        <AuditRow key={record.id} record={record} subject={props.subject} />
      ))}
    </Table>
  );
}

function AuditRow({ record, subject }: { record: AuditRecord; subject: boolean }) {
  const t = useConsoleText();
  const format = useFormat();
  const { actor } = record;
  return (
    <tr>
      <td className="nowrap">
        <div className="owner">
          <span>{format.dateTime(record.at)}</span>
          <span className="soft">
            <RelativeTime at={record.at} />
          </span>
        </div>
      </td>
      <th scope="row">
        <div className="owner">
          <span>{actionText(record.action, t)}</span>
          {record.outcome === 'refused' && (
            <Badge tone="bad" icon="cross">
              {t('approval.refused')}
            </Badge>
          )}
        </div>
      </th>
      <td>
        <div className="owner">
          <bdi>{actorText(actor, t)}</bdi>
          {actor.address && <span className="soft mono">{actor.address}</span>}
        </div>
      </td>
      {subject && (
        <td>
          <Subject subject={record.subject} />
        </td>
      )}
      <td>
        <Details record={record} />
      </td>
    </tr>
  );
}

function kindText(type: string, t: ConsoleText): string {
  if (type === 'mdm-connection') return t('nav.mdm');
  const kind = SUBJECTS.find((one) => one === type);
  return kind ? t(`audit.kind.${kind}`) : type;
}

/** The device as a link to its page; for everything else a link to what else was done with it. */
function Subject({ subject }: { subject: AuditRecord['subject'] }) {
  const t = useConsoleText();
  if (subject.id === null) return <span className="soft">{t('settings.title')}</span>;
  const short = subject.type === 'identifier' ? shortIdentifier(subject.id) : subject.id.slice(0, 8);
  const name = subject.name ?? `${kindText(subject.type, t)} ${short}`;
  const only = hrefOf({ name: 'audit' }, { subject: subject.id });
  return (
    <div className="owner">
      {subject.type === 'device' && subject.name ? (
        <a className="row-link" href={hrefOf({ name: 'device', id: subject.id })}>
          <bdi>{name}</bdi>
        </a>
      ) : subject.type === 'person' && subject.name ? (
        <a className="row-link" href={hrefOf({ name: 'people' }, { search: subject.name })}>
          <bdi>{name}</bdi>
        </a>
      ) : (
        <bdi>{name}</bdi>
      )}
      <a className="small row-link" href={only} aria-label={t('audit.onlyOf', { name })}>
        {t('audit.only')}
      </a>
    </div>
  );
}

function Details({ record }: { record: AuditRecord }) {
  const t = useConsoleText();
  const id = useId();
  const changes = changesOf(record.before, record.after);
  const fields = changes.map((change) => change.field);
  const shown = fields.slice(0, 3).join(', ');
  return (
    <Fold title={fields.length > 3 ? `${shown} …` : shown || record.code || t('audit.details')}>
      {changes.length > 0 && (
        <table className="differences" aria-labelledby={id}>
          <thead>
            <tr>
              <th scope="col" id={id}>
                {t('audit.field')}
              </th>
              <th scope="col">{t('changed.before')}</th>
              <th scope="col">{t('audit.after')}</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((change) => (
              <tr key={change.field}>
                <th scope="row" className="mono">
                  {change.field}
                </th>
                <td>{change.before ?? '–'}</td>
                <td>{change.after ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="soft small mono">
        {[
          record.action,
          record.code,
          record.requestId && t('problem.request', { id: record.requestId }),
          `#${record.seq}`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </Fold>
  );
}
