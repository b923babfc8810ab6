import { refuse } from '../error.ts';
import { isOwnRequest } from '../inventory/fourEyes.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import type { Actor } from '../store/audit.ts';
import { changeDevice, revokeDeviceKeys } from '../store/devices.ts';
import { recordEvent } from '../store/events.ts';
import { loadLayers, saveLayer } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';

/**
 * Makes one record of two, because an administrator said that they are one device. A proven candidate (a TPM) survives and takes the
 * identifiers, layers and MDM rows of the record that only a serial number names; an unproven one gives its keys and its report to the
 * record. Approval is not passed on, except that a refusal or a quarantine of either holds for both. Returns what survives. Errors:
 * `device-deleted`, `self-approval`.
 */
export async function joinRecords(
  trx: Trx,
  now: number,
  record: DeviceRow,
  candidate: DeviceRow,
  by: Actor,
): Promise<DeviceRow> {
  const [survivor, absorbed] = candidate.asserted === 1 ? [candidate, record] : [record, candidate];
  if (absorbed.lifecycle === 'deleted') {
    refuse('device-deleted', 'The other record was removed from the inventory: forget it, or bring it back, first.');
  }
  await checkOtherEyes(trx, survivor, absorbed, by);
  const into = { device_id: survivor.id };
  await keepKeysOf(trx, now, candidate, record);
  // What was proven to be of the absorbed record's TPM is not of the survivor's: it names the joined record, and speaks for nobody.
  await trx.updateTable('identifiers').set({ evidence_id: null }).where('device_id', '=', absorbed.id).execute();
  for (const table of ['identifiers', 'evidence', 'device_keys'] as const) {
    await trx.updateTable(table).set(into).where('device_id', '=', absorbed.id).execute();
  }
  await trx
    .updateTable('identifiers')
    .set({ kind: 'alias' })
    .where('device_id', '=', survivor.id)
    .where('identifier', '!=', survivor.permanent_identifier)
    .execute();
  await trx.updateTable('mdm_rows').set(into).where('device_id', '=', absorbed.id).execute();
  await joinLayers(trx, now, survivor, absorbed);
  await trx.updateTable('conflicts').set(into).where('device_id', '=', absorbed.id).execute();
  await trx.updateTable('conflicts').set({ candidate_id: null }).where('candidate_id', '=', absorbed.id).execute();
  await trx.updateTable('devices').set({ candidate_of: survivor.id }).where('candidate_of', '=', absorbed.id).execute();
  await trx.deleteFrom('devices').where('id', '=', absorbed.id).execute();
  await recordEvent(trx, now, 'deleted', absorbed.id);
  const joined = await changeDevice(trx, now, survivor.id, {
    candidate_of: null,
    ...(survivor === record ? reportOf(candidate, record) : { owner_id: survivor.owner_id ?? absorbed.owner_id }),
    ...(absorbed.approval === 'refused' && survivor.approval !== 'refused'
      ? { approval: 'refused' as const, approval_reason: absorbed.approval_reason }
      : {}),
    ...(absorbed.lifecycle === 'quarantined' && survivor.lifecycle === 'active'
      ? { lifecycle: 'quarantined' as const }
      : {}),
  });
  return (await refreshDevice(trx, now, joined, { touched: true })).device;
}

/** Joining one's own device with an approved one would approve it. */
async function checkOtherEyes(trx: Trx, survivor: DeviceRow, absorbed: DeviceRow, by: Actor): Promise<void> {
  if (survivor.approval !== 'approved' || absorbed.approval === 'approved') return;
  if (!(await loadSettings(trx)).selfApprovalForbidden) return;
  if (await isOwnRequest(trx, absorbed, by)) refuse('self-approval');
}

/** One machine speaks for the joined record: the one that enrolled last. The other's keys are replaced, and signing with them a conflict. */
async function keepKeysOf(trx: Trx, now: number, candidate: DeviceRow, record: DeviceRow): Promise<void> {
  const live = await trx
    .selectFrom('device_keys')
    .select('thumbprint')
    .where('device_id', '=', candidate.id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (live) await revokeDeviceKeys(trx, now, record.id, 'replaced');
}

/** What a claim brings into a record: its word about the machine, and the person who made it where the record has no owner. */
function reportOf(claim: DeviceRow, record: DeviceRow): Partial<DeviceRow> {
  const { machine, os_version, protection, ceremony_code, enrolled_at, last_seen_at } = claim;
  return {
    machine,
    os_version,
    protection,
    ceremony_code,
    enrolled_at,
    last_seen_at,
    owner_id: record.owner_id ?? claim.owner_id,
  };
}

/** The survivor's own words win, layer by layer and field by field. */
async function joinLayers(trx: Trx, now: number, survivor: DeviceRow, absorbed: DeviceRow): Promise<void> {
  const own = await loadLayers(trx, survivor);
  const other = await loadLayers(trx, absorbed);
  if (!other.firstImport) await saveLayer(trx, now, survivor.id, 'explicit', { ...other.explicit, ...own.explicit });
  for (const layer of other.mdm) {
    const mine = own.mdm.find((candidate) => candidate.connection === layer.connection);
    await saveLayer(trx, now, survivor.id, layer, { ...layer.values, ...mine?.values });
  }
  await trx.deleteFrom('device_layers').where('device_id', '=', absorbed.id).execute();
}
