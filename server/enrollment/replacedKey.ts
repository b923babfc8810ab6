import type { FastifyRequest } from 'fastify';
import type { Context } from '../http/context.ts';
import { audit } from '../store/audit.ts';
import { openConflict } from '../store/conflicts.ts';
import { changeDevice } from '../store/devices.ts';
import type { DeviceKeyRow, DeviceRow } from '../store/schema.ts';

/**
 * A key that a later enrolment replaced signs again: two clients live on one identity, a copied machine perhaps. Opens a conflict; the
 * record stays as it is until an administrator resolves it.
 */
export async function reportReplacedKey(
  context: Context,
  device: DeviceRow,
  key: DeviceKeyRow,
  request: FastifyRequest,
): Promise<void> {
  const now = context.now();
  await context.store.write(async (trx) => {
    const { isNew } = await openConflict(trx, now, {
      device_id: device.id,
      kind: 'old-key',
      claimant_user_id: null,
      candidate_id: null,
      claimant: { keyThumbprint: key.thumbprint, replacedAt: new Date(key.revoked_at ?? now).toISOString() },
    });
    if (!isNew) return;
    await changeDevice(trx, now, device.id, {});
    await audit(trx, now, {
      actor: { type: 'device', id: device.id, name: device.name, address: request.ip },
      action: 'conflict.opened',
      subject: { type: 'device', id: device.id },
      outcome: 'refused',
      code: 'device-conflict',
      after: { kind: 'old-key' },
      requestId: request.id,
    });
  });
  context.hub.wake();
}
