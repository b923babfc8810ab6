import { approvalReason, type Conflict } from '../../contract/index.ts';
import { dismissReplacedKeys } from '../enrollment/replacedKey.ts';
import { refuse } from '../error.ts';
import { changeExplicit } from '../inventory/layers.ts';
import { forgetDevice } from '../inventory/lifecycle.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice, findDevice, revokeDeviceKeys } from '../store/devices.ts';
import { loadLayers, saveLayer } from '../store/layers.ts';
import type { ConflictRow, DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import { joinRecords } from './joinRecords.ts';

type Resolution = Conflict['resolutions'][number];
type By = { actor: Actor; requestId: string };

/** What can be done with a conflict of a kind; `reject` dismisses the claim and leaves the record as it is. */
export function resolutionsOf(row: Pick<ConflictRow, 'kind' | 'candidate_id' | 'state'>): Resolution[] {
  if (row.state === 'resolved') return [];
  switch (row.kind) {
    case 'other-owner':
      return ['merge', 'replace', 'reject'];
    case 'old-key':
      return ['replace', 'reject'];
    case 'same-serial':
    case 'other-record':
      return row.candidate_id === null ? ['reject'] : ['merge', 'replace', 'reject'];
    default:
      return row.kind satisfies never;
  }
}

/** Resolves an open conflict over a device at the version that was shown. Error: `invalid-request` where the kind has no such way out. */
export async function resolveConflict(
  trx: Trx,
  now: number,
  conflict: ConflictRow,
  device: DeviceRow,
  request: { resolution: Resolution; reason: string | undefined },
  by: By,
): Promise<void> {
  const { resolution, reason } = request;
  if (!resolutionsOf(conflict).includes(resolution)) {
    refuse('invalid-request', `A conflict of the kind ${conflict.kind} cannot be resolved by ${resolution}.`);
  }
  if (resolution === 'reject' && conflict.kind === 'old-key') await dismissReplacedKeys(trx, device.id);
  const survivor = resolution === 'reject' ? device : await carryOut(trx, now, conflict, device, resolution, by);
  await trx
    .updateTable('conflicts')
    .set({ state: 'resolved', resolution, resolved_by: by.actor.name, resolved_at: now, device_id: survivor.id })
    .where('id', '=', conflict.id)
    .execute();
  await changeDevice(trx, now, survivor.id, {});
  await audit(trx, now, {
    ...by,
    action: 'conflict.resolved',
    subject: { type: 'device', id: survivor.id },
    before: { conflict: conflict.id, kind: conflict.kind, claimant: conflict.claimant },
    after: { resolution, reason: reason ?? null },
  });
}

async function carryOut(
  trx: Trx,
  now: number,
  conflict: ConflictRow,
  device: DeviceRow,
  resolution: 'merge' | 'replace',
  by: By,
): Promise<DeviceRow> {
  switch (conflict.kind) {
    case 'other-owner':
      return resolution === 'merge' ? share(trx, now, device) : handOver(trx, now, conflict, device);
    case 'old-key':
      return startAnew(trx, now, device, approvalReason('keys-revoked'));
    case 'same-serial':
    case 'other-record': {
      const id = conflict.candidate_id;
      const candidate = id === null ? undefined : await findDevice(trx, id);
      if (!candidate) return refuse('not-found', 'The other record is gone; reject the conflict.');
      if (resolution === 'merge') return joinRecords(trx, now, device, candidate, by.actor);
      // Only an owner forgets, and a refusal or removal is not taken back by the way.
      if (device.lifecycle === 'deleted') refuse('device-deleted', 'Forget the removed record first, or reject.');
      if (device.approval === 'refused') refuse('device-refused', 'Forget the refused record first, or reject.');
      await trx.updateTable('conflicts').set({ device_id: candidate.id }).where('id', '=', conflict.id).execute();
      await forgetDevice(trx, now, device, by);
      return candidate;
    }
    default:
      return conflict.kind satisfies never;
  }
}

/** One device that several people use: nobody owns it. */
async function share(trx: Trx, now: number, device: DeviceRow): Promise<DeviceRow> {
  const { explicit } = await loadLayers(trx, device);
  await saveLayer(trx, now, device.id, 'explicit', changeExplicit(explicit, { shared: true, email: null }));
  return (await refreshDevice(trx, now, device, { touched: true, unassign: true })).device;
}

/** The claimant becomes the owner and enrols again; until then nobody's key speaks for the device. */
async function handOver(trx: Trx, now: number, conflict: ConflictRow, device: DeviceRow): Promise<DeviceRow> {
  const claimed = (JSON.parse(conflict.claimant) as { email?: string }).email;
  const claimant = conflict.claimant_user_id === null ? undefined : await findUser(trx, conflict.claimant_user_id);
  const email = claimant?.email ?? claimed ?? refuse('not-found', 'The claim names no person.');
  const { explicit } = await loadLayers(trx, device);
  await saveLayer(trx, now, device.id, 'explicit', changeExplicit(explicit, { email }));
  const owned = await refreshDevice(trx, now, device, { touched: true });
  return startAnew(trx, now, owned.device, approvalReason('changed-hands'));
}

async function startAnew(trx: Trx, now: number, device: DeviceRow, reason: string): Promise<DeviceRow> {
  await dismissReplacedKeys(trx, device.id);
  // The machine that had the key learns that it must enrol; asking is no claim on the device.
  await revokeDeviceKeys(trx, now, device.id, 'dismissed');
  const waits =
    device.approval === 'refused'
      ? {}
      : { approval: 'pending' as const, approval_reason: reason, decided_by: null, decided_at: null };
  return changeDevice(trx, now, device.id, { attestation: 'none', attested_at: null, ...waits });
}
