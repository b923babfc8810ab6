import { approvalReason } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { changeDevice, insertDevice } from '../store/devices.ts';
import type { DeviceRow, UserRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import {
  checkTombstone,
  type Decided,
  deviceName,
  type Enrolment,
  type Facts,
  machineFacts,
  type Proven,
} from './enrolment.ts';
import { checkDeviceLimit, insertNew } from './newRecord.ts';

/** A claim never touches a record that it did not make itself: it opens a candidate beside it. */
export async function decideClaim(
  trx: Trx,
  enrolment: Enrolment,
  proven: Extract<Proven, { kind: 'claim' }>,
  existing: DeviceRow | undefined,
  owner: UserRow | null,
  keyOwnerId: string | undefined,
): Promise<Decided> {
  const { now, grant } = enrolment;
  const facts: Facts = {
    protection: proven.protection,
    ceremony_code: enrolment.ceremonyCode,
    ...machineFacts(enrolment.machine),
  };
  const own = await ownClaim(trx, keyOwnerId, grant.permanent_identifier, owner);
  if (own) {
    checkTombstone(own);
    return { kind: 'enrolled', device: await changeDevice(trx, now, own.id, facts) };
  }
  if (!existing) return { kind: 'enrolled', device: await insertNew(trx, enrolment, owner, facts) };
  if (owner) await checkDeviceLimit(trx, enrolment.settings, owner);
  if (!enrolment.settings.sources[grant.source].allowed) refuse('source-not-allowed');
  const device = await insertDevice(
    trx,
    now,
    {
      permanent_identifier: grant.permanent_identifier,
      candidate_of: existing.id,
      name: deviceName(enrolment),
      source: grant.source,
      owner_id: owner?.id ?? null,
      requested_by: owner?.email ?? enrolment.actor.name,
      approval_reason: approvalReason('serial-held'),
      ...facts,
    },
    owner?.email ?? null,
  );
  await changeDevice(trx, now, existing.id, {});
  return { kind: 'enrolled', device };
}

/** The record or candidate that this very key and person made before. */
async function ownClaim(
  trx: Trx,
  id: string | undefined,
  identifier: string,
  owner: UserRow | null,
): Promise<DeviceRow | undefined> {
  if (id === undefined) return undefined;
  return trx
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', id)
    .where('permanent_identifier', '=', identifier)
    .where('owner_id', 'is not distinct from', owner?.id ?? null)
    .executeTakeFirst();
}
