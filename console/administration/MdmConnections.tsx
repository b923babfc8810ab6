import { useCallback, useState } from 'react';
import type { MdmConnection, MdmSyncReport } from '../../contract/administration.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { mayAdminister, useConsole } from '../Console.tsx';
import { LastTime, PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';

type Report = { name: string; report: MdmSyncReport };

/** The connected MDMs, how their last sync went, and a sync at once. */
export function MdmConnections() {
  const t = useConsoleText();
  const { api, session } = useConsole();
  const list = usePaged(
    useCallback(async () => ({ items: (await api.mdmConnections()).connections, next: null }), [api]),
  );
  const action = useAction();
  const [syncing, setSyncing] = useState<string | null>(null);
  const [said, setSaid] = useState<Report | null>(null);
  const sync = ({ id, name }: MdmConnection): void =>
    action.run(async () => {
      setSaid(null);
      setSyncing(id);
      try {
        setSaid({ name, report: await api.syncMdm(id) });
      } finally {
        setSyncing(null);
      }
      await list.reload();
    });
  return (
    <View title={t('mdm.title')} text={t('mdm.text')}>
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      {said && <SyncReport {...said} />}
      <PagedList list={list} empty={t('mdm.empty')}>
        {(connections) => (
          <Table
            label={t('mdm.title')}
            columns={[
              t('tokens.column.name'),
              t('fact.source'),
              t('list.column.state'),
              t('mdm.synced'),
              t('mdm.fullySynced'),
              t('list.column.actions'),
            ]}
          >
            {connections.map((connection) => (
              <tr key={connection.id}>
                <th scope="row">
                  <bdi>{connection.name}</bdi>
                </th>
                <td>
                  <a href={hrefOf({ name: 'devices' }, { source: connection.source })}>{connection.source}</a>
                </td>
                <td>
                  <State connection={connection} />
                </td>
                <td className="nowrap">
                  <LastTime at={connection.syncedAt} />
                </td>
                <td className="nowrap">
                  <LastTime at={connection.fullySyncedAt} />
                </td>
                <td>
                  {mayAdminister(session) && connection.enabled && (
                    <Button
                      icon="refresh"
                      busy={syncing === connection.id}
                      aria-label={t('mdm.syncOf', { name: connection.name })}
                      onClick={() => sync(connection)}
                    >
                      {t('mdm.sync')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      <p className="soft">{t('mdm.how')}</p>
      <pre className="command mono" dir="ltr">
        muster server mdm connect --source Jamf --file devices.json
      </pre>
    </View>
  );
}

function State({ connection }: { connection: MdmConnection }) {
  const t = useConsoleText();
  if (!connection.enabled) {
    return (
      <Badge tone="neutral" icon="pause">
        {t('mdm.off')}
      </Badge>
    );
  }
  if (connection.lastError) {
    return (
      <div className="owner">
        <Badge tone="bad" icon="warning">
          {t('mdm.failed')}
        </Badge>
        <span className="small" lang="en">
          {connection.lastError}
        </span>
      </div>
    );
  }
  return connection.syncedAt ? (
    <Badge tone="good" icon="check">
      {t('mdm.connected')}
    </Badge>
  ) : (
    <Badge tone="neutral" icon="clock">
      {t('mdm.notYet')}
    </Badge>
  );
}

const COUNTS = [
  'seen',
  'added',
  'merged',
  'gone',
  'withoutIdentifier',
  'tombstones',
  'notAllowed',
  'unreadable',
] as const;

function SyncReport({ name, report }: Report) {
  const t = useConsoleText();
  const good = report.outcome === 'done';
  return (
    <section className={good ? 'banner tone-good' : 'banner tone-wait'} role="status">
      <Icon name={good ? 'check' : 'warning'} />
      <div className="banner-body">
        <p className="banner-title">{t(`mdm.outcome.${report.outcome}`, { name })}</p>
        {report.reason && <p lang="en">{report.reason}</p>}
        <p>
          {COUNTS.filter((one) => report[one] > 0 || one === 'seen')
            .map((one) => t(`mdm.count.${one}`, { count: report[one] }))
            .join(' · ')}
        </p>
      </div>
    </section>
  );
}
