import { useCallback } from 'react';
import type { Device } from '../../contract/device.ts';
import { AuditTable } from '../audit/AuditTable.tsx';
import { useConsole } from '../Console.tsx';
import { PagedList, usePaged } from '../lists.tsx';
import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';

/** What was done with a device and by whom, read anew whenever its version changes. */
export function HistoryPanel({ device }: { device: Device }) {
  const t = useConsoleText();
  const { api } = useConsole();
  const { id, version } = device;
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        // The version is no part of the question, but a new one means that the answer has changed.
        void version;
        const { records, next } = await api.audit({ subject: id }, cursor);
        return { items: records, next };
      },
      [api, id, version],
    ),
  );
  return (
    <section className="panel panel-wide" aria-label={t('device.history')}>
      <div className="panel-head">
        <h2>{t('device.history')}</h2>
        <a href={hrefOf({ name: 'audit' }, { subject: id })}>{t('audit.openFor')}</a>
      </div>
      <PagedList list={list} empty={t('device.noHistory')}>
        {(records) => <AuditTable subject={false} records={records} label={t('audit.records')} />}
      </PagedList>
    </section>
  );
}
