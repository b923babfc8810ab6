import type { VerifiedAppleStatement } from '../../attestation/index.ts';
import type { AppleAttestationRequest } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { Context } from '../http/context.ts';
import { normalizeSerial } from '../inventory/serials.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice, findDeviceByIdentifier } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import { spendNonce } from '../store/nonces.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { judgeApple } from './appleStatement.ts';
import type { AppleBytes } from './verifyEvidence.ts';

type Caller = { actor: Actor; requestId: string };
const REMEMBER_MS = 365 * 86_400_000;

/**
 * Apple's word on a serial number, stored with the record that holds it. A record that rests on a claim is believed only where Apple
 * attested the very key that claims: Apple proves a device, not who typed its serial. Errors: `apple-attestation-refused`, `not-found`,
 * `device-conflict`, and the tombstones.
 */
export async function submitAppleAttestation(
  context: Context,
  request: AppleAttestationRequest,
  caller: Caller,
): Promise<DeviceRow> {
  const serial =
    normalizeSerial(request.serial) ?? refuse('apple-attestation-refused', 'This serial number names no device.');
  const now = context.now();
  const statement = judgeApple(request, { serial, at: now, roots: context.appleRoots });
  const row = await context.store.write(async (trx) => {
    const device =
      (await findDeviceByIdentifier(trx, serial)) ??
      refuse('not-found', 'The inventory does not hold this serial number.');
    if (device.lifecycle === 'deleted') refuse('device-deleted');
    if (device.asserted !== 1 && !(await claimsKey(trx, device.id, statement))) {
      refuse(
        'device-conflict',
        'The record of this serial number is only a claim, and Apple attested another key than its own.',
      );
    }
    const freshness = Buffer.from(statement.freshness).toString('base64url');
    if (!(await spendNonce(trx, 'apple', freshness, now + REMEMBER_MS))) {
      refuse('apple-attestation-refused', 'This attestation was submitted before.');
    }
    const { path, freshness: _freshness, spki: _spki, ...posture } = statement;
    const evidence = await insertEvidence(trx, now, {
      device_id: device.id,
      kind: 'apple',
      purpose: device.attestation === 'none' ? 'enrol' : 'reattest',
      outcome: 'valid',
      bytes: JSON.stringify({
        version: 2,
        request,
        serial,
        judgedAt: now,
        path: path.map((der) => Buffer.from(der).toString('base64')),
      } satisfies AppleBytes),
      verdict: JSON.stringify({ ekClass: 'hardware', reasons: ['Apple attested this serial number.'], posture }),
    });
    await audit(trx, now, {
      ...caller,
      action: 'device.attested',
      subject: { type: 'device', id: device.id },
      before: { attestation: device.attestation },
      after: { attestation: 'valid', by: 'Apple', evidence },
    });
    return changeDevice(trx, now, device.id, {
      asserted: 1,
      attestation: 'valid',
      attested_at: now,
      evidence_id: evidence,
      ek_class: 'hardware',
      ek_certificate: 'verified',
      secure_boot: statement.secureBoot === undefined ? 'unknown' : statement.secureBoot === 'full' ? 'on' : 'off',
    });
  });
  context.hub.wake();
  return row;
}

async function claimsKey(trx: Trx, deviceId: string, statement: VerifiedAppleStatement): Promise<boolean> {
  const key = await trx
    .selectFrom('device_keys')
    .select('spki')
    .where('device_id', '=', deviceId)
    .where('revoked_at', 'is', null)
    .where('spki', '=', Buffer.from(statement.spki).toString('base64'))
    .executeTakeFirst();
  return key !== undefined;
}
