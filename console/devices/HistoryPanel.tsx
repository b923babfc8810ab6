import { useCallback } from 'react';
import type { Device } from '../../contract/device.ts';
import { Badge } from '../../ui/Badge.tsx';
import { RelativeTime } from '../../ui/RelativeTime.tsx';
import { PagedList, usePaged } from '../administration/lists.tsx';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';

/** What was done with a device and by whom, read anew whenever its version changes. Actions are written as the audit record has them. */
export function HistoryPanel({ device }: { device: Device }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { id, version } = device;
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        // The version is no part of the question, but a new one means that the answer has changed.
        void version;
        const { records, next } = await api.audit(id, cursor);
        return { items: records, next };
      },
      [api, id, version],
    ),
  );
  return (
    <section className="panel" aria-label={t('device.history')}>
      <h2>{t('device.history')}</h2>
      <PagedList list={list} empty={t('device.noHistory')}>
        {(records) => (
          <ol className="card history">
            {records.map((record) => (
              <li key={record.id}>
                <span className="mono">{record.action}</span>
                {record.outcome === 'refused' && (
                  <Badge tone="bad" icon="cross">
                    {t('approval.refused')}
                  </Badge>
                )}
                <span className="soft">
                  <bdi>{record.actor.name ?? record.actor.type}</bdi> · <RelativeTime at={record.at} />
                </span>
              </li>
            ))}
          </ol>
        )}
      </PagedList>
    </section>
  );
}
