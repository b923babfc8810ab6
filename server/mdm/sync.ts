import type { TeamSettings } from '../../contract/index.ts';
import { importDevice } from '../inventory/importDevice.ts';
import { setLifecycle } from '../inventory/lifecycle.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { type Actor, audit } from '../store/audit.ts';
import { findDevice } from '../store/devices.ts';
import { removeLayer } from '../store/layers.ts';
import type { MdmConnectionRow, MdmRow } from '../store/schema.ts';
import type { Store, Trx } from '../store/store.ts';
import { takeConnection } from './lease.ts';
import { MdmDevice, type MdmProvider } from './provider.ts';
import { identifierOf, layerOf, rawText } from './values.ts';

const CHUNK = 200;
/** A full sweep that would lose more than this share, and more than a handful, is taken for a fault of the MDM. */
const VANISH_SHARE = 0.2;
const VANISH_FLOOR = 2;
/** One sweep may miss a device whose page moved; two in a row do not. */
const GONE_AFTER = 2;

export type SyncReport = {
  outcome: 'done' | 'stopped' | 'failed' | 'busy';
  /** Why it stopped or failed, for the administrator. */
  reason: string | null;
  seen: number;
  added: number;
  merged: number;
  withoutIdentifier: number;
  tombstones: number;
  notAllowed: number;
  unreadable: number;
  gone: number;
};

export type SyncWork = { store: Store; now: () => number; settings: () => Promise<TeamSettings>; wake?: () => void };

/**
 * Brings what one MDM lists into the inventory. Resumes where a crashed run stopped; a full run also notices what is gone. Never
 * raises assurance, never overwrites an explicit value, never brings back what was deleted or refused.
 */
export async function syncConnection(
  work: SyncWork,
  connectionId: string,
  provider: MdmProvider,
  options: { full: boolean },
): Promise<SyncReport> {
  const report: SyncReport = {
    outcome: 'done',
    reason: null,
    seen: 0,
    added: 0,
    merged: 0,
    withoutIdentifier: 0,
    tombstones: 0,
    notAllowed: 0,
    unreadable: 0,
    gone: 0,
  };
  const lease = await takeConnection(work.store, connectionId, work.now);
  if (!lease) return { ...report, outcome: 'busy', reason: 'Another sync of this connection is running.' };
  const startedAt = work.now();
  try {
    const connection = await begin(work, connectionId, options.full);
    const since = options.full || connection.checkpoint !== null ? {} : { since: Number(connection.sync_at ?? 0) };
    const cursor = connection.checkpoint === null ? {} : { cursor: connection.checkpoint };
    for await (const page of provider.list({ ...cursor, ...since })) {
      await storePage(work, connection, page.items, page.checkpoint, report);
      await lease.renew();
    }
    if (options.full) await sweep(work, connection, report);
    await finish(work, connection, options.full ? { full_sync_at: startedAt } : {}, startedAt, report);
  } catch (error) {
    report.outcome = 'failed';
    report.reason = error instanceof Error ? error.message : String(error);
    await work.store.db
      .updateTable('mdm_connections')
      .set({ last_error: report.reason.slice(0, 1000) })
      .where('id', '=', connectionId)
      .execute();
  } finally {
    await lease.release();
    work.wake?.();
  }
  return report;
}

/** A full run that is not a resumed one opens a new sweep. */
async function begin(work: SyncWork, id: string, full: boolean): Promise<MdmConnectionRow> {
  return work.store.write(async (trx) => {
    const row = await trx.selectFrom('mdm_connections').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    if (!full || row.checkpoint !== null) return row;
    const sweep = Number(row.sweep) + 1;
    await trx.updateTable('mdm_connections').set({ sweep }).where('id', '=', id).execute();
    return { ...row, sweep };
  });
}

async function storePage(
  work: SyncWork,
  connection: MdmConnectionRow,
  items: readonly unknown[],
  checkpoint: string,
  report: SyncReport,
): Promise<void> {
  const settings = await work.settings();
  for (let at = 0; at < items.length; at += CHUNK) {
    const chunk = items.slice(at, at + CHUNK);
    const last = at + CHUNK >= items.length;
    await work.store.write(async (trx) => {
      for (const item of chunk) {
        const device = MdmDevice.safeParse(item);
        report.seen += 1;
        if (device.success) await storeDevice(trx, work.now(), settings, connection, device.data, report);
        else report.unreadable += 1;
      }
      if (last) await trx.updateTable('mdm_connections').set({ checkpoint }).where('id', '=', connection.id).execute();
    });
    work.wake?.();
    // A commit is synchronous on the embedded store: requests get their turn between chunks.
    await new Promise(setImmediate);
  }
}

const actorOf = (connection: MdmConnectionRow): Actor => ({ type: 'server', id: connection.id, name: connection.name });

async function storeDevice(
  trx: Trx,
  now: number,
  settings: TeamSettings,
  connection: MdmConnectionRow,
  device: MdmDevice,
  report: SyncReport,
): Promise<void> {
  const known = await trx
    .selectFrom('mdm_rows')
    .selectAll()
    .where('connection_id', '=', connection.id)
    .where('external_id', '=', device.externalId)
    .executeTakeFirst();
  const identifier = identifierOf(device);
  const row: Omit<MdmRow, 'connection_id' | 'external_id' | 'created_at'> = {
    device_id: null,
    serial: identifier,
    fields: JSON.stringify(layerOf(device)),
    raw: rawText(device),
    outcome: 'no-identifier',
    seen_sweep: Number(connection.sweep),
    missing_sweeps: 0,
    updated_at: now,
  };
  if (identifier === null) report.withoutIdentifier += 1;
  else {
    const imported = await importDevice(trx, now, settings, {
      identifier,
      source: connection.source,
      layer: { kind: 'mdm', connection: connection.id, values: layerOf(device) },
      actor: actorOf(connection),
      requestId: null,
    });
    switch (imported.kind) {
      case 'added':
      case 'merged':
        row.outcome = imported.kind;
        row.device_id = imported.device.id;
        report[imported.kind] += 1;
        break;
      case 'tombstone':
        row.outcome = 'tombstone';
        report.tombstones += 1;
        break;
      case 'not-allowed':
        row.outcome = 'not-allowed';
        report.notAllowed += 1;
        break;
      case 'other-owner':
        // Only explicit values claim an owner.
        throw new Error('unreachable: an MDM layer claims no owner');
      default:
        imported satisfies never;
    }
  }
  if (known?.device_id && known.device_id !== row.device_id) await withdrawLayer(trx, now, connection, known.device_id);
  await trx
    .insertInto('mdm_rows')
    .values({ ...row, connection_id: connection.id, external_id: device.externalId, created_at: now })
    .onConflict((c) => c.columns(['connection_id', 'external_id']).doUpdateSet(row))
    .execute();
}

/** The MDM now says this of another device (a board was changed), so the former one loses its words. */
async function withdrawLayer(trx: Trx, now: number, connection: MdmConnectionRow, deviceId: string): Promise<void> {
  const device = await findDevice(trx, deviceId);
  if (!device) return;
  await removeLayer(trx, deviceId, connection.id);
  await refreshDevice(trx, now, device, { touched: true });
}

/** After a complete sweep: what it did not see is missing, and gone with the second one in a row. */
async function sweep(work: SyncWork, connection: MdmConnectionRow, report: SyncReport): Promise<void> {
  const settings = await work.settings();
  await work.store.write(async (trx) => {
    const now = work.now();
    const rows = await trx
      .selectFrom('mdm_rows')
      .select(['external_id', 'device_id', 'seen_sweep', 'missing_sweeps'])
      .where('connection_id', '=', connection.id)
      .where('outcome', '!=', 'missing')
      .execute();
    const unseen = rows.filter((row) => Number(row.seen_sweep) < Number(connection.sweep));
    if (unseen.length > VANISH_FLOOR && unseen.length > rows.length * VANISH_SHARE) {
      report.outcome = 'stopped';
      report.reason = `${unseen.length} of ${rows.length} devices are missing from the MDM at once. Nothing was changed for them; check the connection and its privileges.`;
      return;
    }
    for (const row of unseen) {
      const missing = Number(row.missing_sweeps) + 1;
      const gone = missing >= GONE_AFTER;
      await trx
        .updateTable('mdm_rows')
        .set({ missing_sweeps: missing, ...(gone ? { outcome: 'missing' as const } : {}) })
        .where('connection_id', '=', connection.id)
        .where('external_id', '=', row.external_id)
        .execute();
      if (!gone) continue;
      report.gone += 1;
      const device = row.device_id === null ? undefined : await findDevice(trx, row.device_id);
      if (!device) continue;
      const by = { actor: actorOf(connection), requestId: null };
      if (settings.onDeviceGoneFromMdm === 'quarantine' && device.lifecycle === 'active') {
        await setLifecycle(trx, now, device, 'quarantined', by);
      }
      await audit(trx, now, {
        ...by,
        action: 'device.gone-from-mdm',
        subject: { type: 'device', id: device.id },
        after: { policy: settings.onDeviceGoneFromMdm, source: connection.source },
      });
    }
  });
}

async function finish(
  work: SyncWork,
  connection: MdmConnectionRow,
  times: Partial<MdmConnectionRow>,
  startedAt: number,
  report: SyncReport,
): Promise<void> {
  await work.store.write(async (trx) => {
    await trx
      .updateTable('mdm_connections')
      .set({ ...times, sync_at: startedAt, checkpoint: null, last_error: report.reason })
      .where('id', '=', connection.id)
      .execute();
    const { reason, outcome, ...counts } = report;
    await audit(trx, work.now(), {
      actor: actorOf(connection),
      action: 'mdm.synced',
      subject: { type: 'mdm-connection', id: connection.id },
      outcome: outcome === 'done' ? 'done' : 'refused',
      after: { ...counts, reason },
    });
  });
}
