import { refuse } from '../error.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { audit } from '../store/audit.ts';
import { changeDevice, findDeviceByIdentifier } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import type { Trx } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import { decideClaim } from './decideClaim.ts';
import { decideTpm } from './decideTpm.ts';
import { checkTombstone, type Decided, type Enrolment, evidenceOf } from './enrolment.ts';

/** Decides everything anew inside the storing transaction: refusals, lifecycle, owner, conflicts, approval. Errors leave nothing behind. */
export async function decideEnrolment(trx: Trx, enrolment: Enrolment): Promise<Decided> {
  const { now, grant, proven } = enrolment;
  if (!enrolment.settings.sources[grant.source].allowed) refuse('source-not-allowed');
  const owner = grant.user_id === null ? null : ((await findUser(trx, grant.user_id)) ?? refuse('sign-in-failed'));
  if (owner !== null && owner.active !== 1) refuse('sign-in-failed', 'This account is no longer active.');
  const key = proven.kind === 'tpm' ? proven.tpm.deviceKey : proven.key;
  const known = await trx
    .selectFrom('device_keys')
    .selectAll()
    .where('thumbprint', '=', key.thumbprint)
    .executeTakeFirst();
  const existing = await findDeviceByIdentifier(trx, grant.permanent_identifier);
  if (existing) checkTombstone(existing);
  const decided =
    proven.kind === 'tpm'
      ? await decideTpm(trx, enrolment, proven, existing, owner)
      : await decideClaim(trx, enrolment, proven, existing, owner, known?.device_id);
  if (decided.kind === 'conflict') return decided;
  const { device } = decided;
  if (known && (known.device_id !== device.id || known.revoked_at !== null)) {
    refuse('device-key-refused', 'This device key belongs to another enrolment.');
  }
  const evidenceId = await insertEvidence(trx, now, evidenceOf(enrolment, device.id));
  await revokeOtherKeys(trx, now, device.id, key.thumbprint);
  await trx
    .insertInto('device_keys')
    .values({
      thumbprint: key.thumbprint,
      device_id: device.id,
      spki: key.spki,
      key_name: key.name || null,
      ak_name: proven.kind === 'tpm' ? proven.tpm.akName : null,
      grant_thumbprint: grant.key_thumbprint,
      created_at: now,
      revoked_at: null,
      revoked_reason: null,
      refused: null,
    })
    .onConflict((c) =>
      c.column('thumbprint').doUpdateSet((eb) => ({
        grant_thumbprint: grant.key_thumbprint,
        ak_name: eb.ref('excluded.ak_name'),
      })),
    )
    .execute();
  const enrolled = await changeDevice(trx, now, device.id, {
    evidence_id: evidenceId,
    enrolled_at: now,
    last_seen_at: now,
  });
  // What the machine says of itself is the lowest layer: names and serials that others set stay visible.
  const { device: stored } = await refreshDevice(trx, now, enrolled);
  await audit(trx, now, {
    actor: enrolment.actor,
    action: 'device.enrolled',
    subject: { type: 'device', id: device.id },
    ...(existing ? { before: { approval: existing.approval, owner: existing.owner_id } } : {}),
    after: {
      permanentIdentifier: device.permanent_identifier,
      approval: stored.approval,
      reason: stored.approval_reason,
      owner: stored.owner_id,
      evidence: evidenceId,
    },
    requestId: enrolment.requestId,
  });
  return { kind: 'enrolled', device: stored };
}

async function revokeOtherKeys(trx: Trx, now: number, deviceId: string, thumbprint: string): Promise<void> {
  await trx
    .updateTable('device_keys')
    .set({ revoked_at: now, revoked_reason: 'replaced' })
    .where('device_id', '=', deviceId)
    .where('thumbprint', '!=', thumbprint)
    .where('revoked_at', 'is', null)
    .execute();
}
