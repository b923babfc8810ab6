import type { Decision } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice, findDevice } from '../store/devices.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';

type DecisionOf = { id: string; version: number; decision: Decision; actor: Actor; now: number; requestId: string };

/**
 * Stores an administrator's decision on the version that was on the screen. Errors: `not-found`, `version-mismatch`, `device-deleted`,
 * `device-conflict` (only where it would approve).
 */
export async function decideDevice(
  trx: Trx,
  { id, version, decision, actor, now, requestId }: DecisionOf,
): Promise<DeviceRow> {
  const device = (await findDevice(trx, id)) ?? refuse('not-found');
  if (device.version !== version) refuse('version-mismatch');
  if (device.lifecycle === 'deleted') refuse('device-deleted');
  if (decision.decision === 'approved') await checkApprovable(trx, device);
  const row = await changeDevice(trx, now, id, {
    approval: decision.decision,
    approval_reason: decision.reason ?? null,
    decided_by: actor.name,
    decided_at: now,
  });
  const self = actor.name !== null && actor.name === device.requested_by;
  await audit(trx, now, {
    actor,
    action: `device.${decision.decision}`,
    subject: { type: 'device', id },
    before: { approval: device.approval, version: device.version },
    after: {
      approval: row.approval,
      reason: row.approval_reason,
      requestedBy: device.requested_by,
      ...(self ? { selfApproval: true } : {}),
      evidence: device.evidence_id,
    },
    requestId,
  });
  return row;
}

async function checkApprovable(trx: Trx, device: DeviceRow): Promise<void> {
  const open = await trx
    .selectFrom('conflicts')
    .select('id')
    .where('device_id', '=', device.id)
    .where('state', '=', 'open')
    .executeTakeFirst();
  if (open) refuse('device-conflict', 'Two claims on this device are open: resolve the conflict first.');
}
