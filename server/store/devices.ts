import { recordEvent } from './events.ts';
import { newId } from './ids.ts';
import type { DeviceRow } from './schema.ts';
import { searchText } from './search.ts';
import { type Db, nextNumber, type Trx } from './store.ts';

export async function findDevice(db: Db | Trx, id: string): Promise<DeviceRow | undefined> {
  return db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The record that holds an identifier, as its permanent one or as an alias; candidates hold none. */
export async function findDeviceByIdentifier(db: Db | Trx, identifier: string): Promise<DeviceRow | undefined> {
  return db
    .selectFrom('identifiers')
    .innerJoin('devices', 'devices.id', 'identifiers.device_id')
    .selectAll('devices')
    .where('identifiers.identifier', '=', identifier)
    .executeTakeFirst();
}

export type NewDevice = Pick<DeviceRow, 'permanent_identifier' | 'name' | 'source'> &
  Partial<Omit<DeviceRow, 'id' | 'number'>>;

/** Inserts a record with its identifier (a candidate holds none) and notes the event. */
export async function insertDevice(
  trx: Trx,
  now: number,
  device: NewDevice,
  ownerEmail: string | null,
): Promise<DeviceRow> {
  const row: DeviceRow = {
    id: newId(now),
    number: await nextNumber(trx, 'devices'),
    candidate_of: null,
    asserted: 0,
    serial: null,
    os: null,
    os_version: null,
    machine: null,
    owner_id: null,
    shared: 0,
    ownership: null,
    approval: 'pending',
    approval_reason: null,
    decided_by: null,
    decided_at: null,
    requested_by: null,
    lifecycle: 'active',
    removed_by: null,
    attestation: 'none',
    attested_at: null,
    evidence_id: null,
    ek_class: 'absent',
    ek_certificate: 'absent',
    ak_name: null,
    secure_boot: 'unknown',
    protection: null,
    ceremony_code: null,
    search: '',
    tags: '[]',
    version: 1,
    created_at: now,
    updated_at: now,
    enrolled_at: null,
    last_seen_at: null,
    ...device,
  };
  row.search = searchText(row, ownerEmail);
  await trx.insertInto('devices').values(row).execute();
  if (row.candidate_of === null) {
    const identifier = {
      identifier: row.permanent_identifier,
      device_id: row.id,
      kind: 'permanent',
      created_at: now,
      evidence_id: null,
    } as const;
    await trx.insertInto('identifiers').values(identifier).execute();
  }
  await recordEvent(trx, now, 'device', row.id);
  return row;
}

/** Changes facts of a device: its version rises, so that a decision on the old state no longer fits, and the event is noted. */
export async function changeDevice(
  trx: Trx,
  now: number,
  id: string,
  change: Partial<Omit<DeviceRow, 'id' | 'number' | 'version' | 'updated_at'>>,
): Promise<DeviceRow> {
  const row = await trx
    .updateTable('devices')
    .set((eb) => ({ ...change, version: eb('version', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await recordEvent(trx, now, 'device', id);
  return row;
}

/** Notes that a device was heard of; no fact changes, so neither version nor event. */
export async function touchDevice(db: Db | Trx, now: number, id: string): Promise<void> {
  await db.updateTable('devices').set({ last_seen_at: now }).where('id', '=', id).execute();
}

export async function revokeDeviceKeys(
  trx: Trx,
  now: number,
  deviceId: string,
  reason: 'replaced' | 'dismissed' | 'unenrolled' | 'forgotten',
): Promise<void> {
  await trx
    .updateTable('device_keys')
    .set({ revoked_at: now, revoked_reason: reason })
    .where('device_id', '=', deviceId)
    .where('revoked_at', 'is', null)
    .execute();
}
