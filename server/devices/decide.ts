import type { Decision } from '../../contract/index.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import { isOwnRequest } from '../inventory/fourEyes.ts';
import { type Actor, audit } from '../store/audit.ts';
import { openDisputeOver } from '../store/conflicts.ts';
import { changeDevice, findDevice } from '../store/devices.ts';
import type { DeviceRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Store, Trx } from '../store/store.ts';

type DecisionOf = { id: string; version: number; decision: Decision; actor: Actor; now: number; requestId: string };

/** One decision in its own transaction; a refused one leaves an audit record, and nothing else. Errors: those of {@link decideDevice}. */
export async function decide(store: Store, decision: DecisionOf): Promise<DeviceRow> {
  try {
    return await store.write((trx) => decideDevice(trx, decision));
  } catch (error) {
    if (error instanceof ServerError && isErrorCode(error.code)) {
      const { code } = error;
      const { actor, now, requestId, id, version } = decision;
      await store.write((trx) =>
        audit(trx, now, {
          actor,
          action: `device.${decision.decision.decision}`,
          subject: { type: 'device', id },
          outcome: 'refused',
          code,
          after: { version },
          requestId,
        }),
      );
      error.recorded = true;
    }
    throw error;
  }
}

/**
 * Stores an administrator's decision on the version that was on the screen. Errors: `not-found`, `version-mismatch`, `device-deleted`,
 * `device-conflict` and `self-approval` (only where it would approve).
 */
async function decideDevice(
  trx: Trx,
  { id, version, decision, actor, now, requestId }: DecisionOf,
): Promise<DeviceRow> {
  const device = (await findDevice(trx, id)) ?? refuse('not-found');
  if (device.version !== version) refuse('version-mismatch');
  if (device.lifecycle === 'deleted') refuse('device-deleted');
  const self = decision.decision === 'approved' && (await isOwnRequest(trx, device, actor));
  if (decision.decision === 'approved') {
    await checkApprovable(trx, device);
    if (self && (await loadSettings(trx)).selfApprovalForbidden) refuse('self-approval');
  }
  const row = await changeDevice(trx, now, id, {
    approval: decision.decision,
    approval_reason: decision.reason ?? null,
    decided_by: actor.name,
    decided_at: now,
  });
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
  if (await openDisputeOver(trx, device.id))
    refuse('device-conflict', 'Two claims on this device are open: resolve the conflict first.');
}
