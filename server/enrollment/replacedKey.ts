import type { FastifyRequest } from 'fastify';
import type { Context } from '../http/context.ts';
import { audit } from '../store/audit.ts';
import { openConflict } from '../store/conflicts.ts';
import { changeDevice } from '../store/devices.ts';
import type { DeviceKeyRow, DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';

/**
 * A key that a later enrolment replaced signs again: two clients live on one identity, a copied machine perhaps. Opens a conflict; the
 * record stays as it is until an administrator resolves it. Further requests are counted in it, as far as they were looked at.
 */
export async function reportReplacedKey(
  context: Context,
  device: DeviceRow,
  key: DeviceKeyRow,
  request: FastifyRequest,
): Promise<void> {
  const now = context.now();
  const isNew = await context.store.write(async (trx) => {
    const requests = (key.refused ?? 0) + 1;
    await trx
      .updateTable('device_keys')
      .set((eb) => ({ refused: eb(eb.fn.coalesce('refused', eb.lit(0)), '+', 1) }))
      .where('thumbprint', '=', key.thumbprint)
      .execute();
    const claimant = {
      keyThumbprint: key.thumbprint,
      replacedAt: new Date(key.revoked_at ?? now).toISOString(),
      requests: String(requests),
      lastAt: new Date(now).toISOString(),
      address: request.ip,
    };
    const opened = await openConflict(trx, now, {
      device_id: device.id,
      kind: 'old-key',
      claimant_user_id: null,
      candidate_id: null,
      claimant,
    });
    if (!opened.isNew) {
      // The version stays: who decides on the conflict is not kept from it by the very requests that it is about.
      await trx
        .updateTable('conflicts')
        .set({ claimant: JSON.stringify(claimant) })
        .where('id', '=', opened.row.id)
        .execute();
      return false;
    }
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
    return true;
  });
  if (isNew) context.hub.wake();
}

/** An administrator said that a replaced key which still signs is no claim: it opens no further conflict. */
export async function dismissReplacedKeys(trx: Trx, deviceId: string): Promise<void> {
  await trx
    .updateTable('device_keys')
    .set({ revoked_reason: 'dismissed' })
    .where('device_id', '=', deviceId)
    .where('revoked_reason', '=', 'replaced')
    .where('refused', '>', 0)
    .execute();
}
