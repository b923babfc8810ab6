import type { Lifecycle } from '../../contract/index.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice } from '../store/devices.ts';
import { recordEvent } from '../store/events.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';

/** `through: 'api'` where the compatible API asks: what it removed itself, it may bring back. */
type By = { actor: Actor; requestId: string | null; through?: 'api' };

/**
 * Moves a device to another lifecycle. `deleted` leaves a tombstone: the identifiers stay taken, so that neither a sync nor a new
 * enrolment brings the device back; what the compatible API added and removed may return by that API. Approval, owner and attestation
 * are other facts and stay as they are.
 */
export async function setLifecycle(
  trx: Trx,
  now: number,
  device: DeviceRow,
  lifecycle: Lifecycle,
  by: By,
): Promise<DeviceRow> {
  const { through, ...who } = by;
  // Only what was active: a quarantine must not end by a removal and a return.
  const own = through === 'api' && device.source === 'Smallstep API' && device.lifecycle === 'active';
  const removedBy =
    lifecycle === 'deleted' && (own || (through === 'api' && device.removed_by === 'api')) ? 'api' : null;
  if (device.lifecycle === lifecycle && device.removed_by === removedBy) return device;
  const changed = await changeDevice(trx, now, device.id, { lifecycle, removed_by: removedBy });
  await audit(trx, now, {
    ...who,
    action: `device.${lifecycle === 'active' ? 'activated' : lifecycle}`,
    subject: { type: 'device', id: device.id },
    before: { lifecycle: device.lifecycle },
    after: { lifecycle },
  });
  return changed;
}

/**
 * Forgets a device for good: its identifiers may come back as if they had never been seen. Everything that the inventory kept of it goes,
 * evidence and candidates too; the audit record keeps the identifier.
 */
export async function forgetDevice(trx: Trx, now: number, device: DeviceRow, by: Omit<By, 'through'>): Promise<void> {
  const candidates = await trx.selectFrom('devices').selectAll().where('candidate_of', '=', device.id).execute();
  const taken = await trx.selectFrom('identifiers').select('identifier').where('device_id', '=', device.id).execute();
  const names = [device.permanent_identifier, ...taken.map((row) => row.identifier)];
  await trx
    .updateTable('ak_certificates')
    .set({ revoked_at: now })
    .where('permanent_identifier', 'in', names)
    .where('revoked_at', 'is', null)
    .execute();
  for (const row of [...candidates, device]) {
    for (const table of [
      'identifiers',
      'evidence',
      'device_keys',
      'device_layers',
      'conflicts',
      'challenges',
    ] as const) {
      await trx.deleteFrom(table).where('device_id', '=', row.id).execute();
    }
    await trx.updateTable('conflicts').set({ candidate_id: null }).where('candidate_id', '=', row.id).execute();
    await trx.updateTable('mdm_rows').set({ device_id: null }).where('device_id', '=', row.id).execute();
    await trx.deleteFrom('devices').where('id', '=', row.id).execute();
    await recordEvent(trx, now, 'deleted', row.id);
  }
  await audit(trx, now, {
    ...by,
    action: 'device.forgotten',
    subject: { type: 'device', id: device.id },
    before: {
      permanentIdentifier: device.permanent_identifier,
      approval: device.approval,
      lifecycle: device.lifecycle,
      candidates: candidates.length,
    },
    after: null,
  });
}
