import { openConflict } from '../store/conflicts.ts';
import { changeDevice } from '../store/devices.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';

/** Other records that carry this device's serial number, as their identifier or beside it. */
export async function sameSerial(trx: Trx, device: DeviceRow): Promise<DeviceRow[]> {
  if (device.serial === null) return [];
  return trx
    .selectFrom('devices')
    .selectAll()
    .where('serial', '=', device.serial)
    .where('id', '!=', device.id)
    .where('candidate_of', 'is', null)
    .limit(10)
    .execute();
}

/**
 * Opens a conflict for each other record with the same serial number: it joins nothing by itself, since a serial number beside an
 * identifier is only somebody's word. The conflict stands at the record that the serial number names; the other is its candidate.
 */
export async function reportSameSerial(trx: Trx, now: number, device: DeviceRow): Promise<void> {
  if (device.candidate_of !== null) return;
  for (const other of await sameSerial(trx, device)) {
    const holder = holderOf(device, other);
    const candidate = holder === device ? other : device;
    const { isNew } = await openConflict(trx, now, {
      device_id: holder.id,
      kind: 'same-serial',
      claimant_user_id: candidate.owner_id,
      claimant: { identifier: candidate.permanent_identifier, serial: candidate.serial, source: candidate.source },
      candidate_id: candidate.id,
    });
    if (isNew) await changeDevice(trx, now, holder.id, {});
  }
}

/** The record that the serial number names, else the older one. */
function holderOf(a: DeviceRow, b: DeviceRow): DeviceRow {
  if (a.permanent_identifier === a.serial) return a;
  if (b.permanent_identifier === b.serial) return b;
  return a.created_at < b.created_at ? a : b;
}
