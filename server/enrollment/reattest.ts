import type { TpmProof } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice, findDevice } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import { hashOf } from '../store/ids.ts';
import type { DeviceKeyRow, DeviceRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { spend } from './enroll.ts';
import { checkTombstone } from './enrolment.ts';
import { verifyTpmProof } from './tpmProof.ts';
import type { EvidenceBytes } from './verifyEvidence.ts';

const HOUR_MS = 3_600_000;
const PER_HOUR = 30;

type Caller = { actor: Actor; requestId: string };

/**
 * Proves the enrolled keys again over a fresh challenge bound to the device key. Other keys than the enrolled ones are no
 * re-attestation: they need an enrolment. A failed one is stored with its bytes and marks the device.
 */
export async function reattest(
  context: Context,
  device: DeviceRow,
  key: DeviceKeyRow,
  proof: TpmProof,
  caller: Caller,
): Promise<DeviceRow> {
  checkTombstone(device);
  await checkRate(context, device);
  await spend(context, proof.challenge, { purpose: 'reattest', deviceId: device.id });
  const permanentIdentifier = await identifierOf(context.store.db, device, proof);
  let proven: { verdict: Result['verdict']; facts: EndorsementFacts; secureBoot: DeviceRow['secure_boot'] };
  try {
    const tpm = await verifyTpmProof(context, {
      proof,
      permanentIdentifier,
      boundTo: key.thumbprint,
    });
    if (tpm.akName !== device.ak_name)
      refuse('ak-refused', 'This is not the attestation key that the device enrolled with.');
    if (tpm.deviceKey.thumbprint !== key.thumbprint)
      refuse('device-key-refused', 'This is not the key that the device enrolled with.');
    const facts = JSON.parse(tpm.akCertificate.facts) as EndorsementFacts;
    const verdict = { ekClass: facts.ekClass, reasons: [...facts.reasons, ...tpm.verdict], secureBoot: tpm.secureBoot };
    proven = { verdict, facts, secureBoot: tpm.secureBoot };
  } catch (error) {
    // An expired certificate is renewed and says nothing of the device.
    if (error instanceof ServerError && isErrorCode(error.code) && error.code !== 'ak-certificate-refused') {
      const verdict = { code: error.code, reasons: [error.message] };
      await store(
        context,
        { device, key, proof, permanentIdentifier },
        { outcome: 'failed', verdict, facts: null },
        caller,
        {
          attestation: 'failed',
        },
      );
    }
    throw error;
  }
  const { verdict, facts, secureBoot } = proven;
  return store(context, { device, key, proof, permanentIdentifier }, { outcome: 'valid', verdict, facts }, caller, {
    attestation: 'valid',
    attested_at: context.now(),
    ek_class: facts.ekClass,
    ek_certificate: facts.ekCertificate,
    secure_boot: secureBoot,
  });
}

/** The name that the proof speaks for: an alias where the device enrolled by it, since its certificates name that one. */
async function identifierOf(db: Db, device: DeviceRow, proof: TpmProof): Promise<string> {
  const [leaf] = proof.akChain;
  if (leaf === undefined) return device.permanent_identifier;
  const alias = await db
    .selectFrom('ak_certificates')
    .innerJoin('identifiers', 'identifiers.identifier', 'ak_certificates.permanent_identifier')
    .select('identifiers.identifier')
    .where('ak_certificates.certificate_sha256', '=', hashOf(Buffer.from(leaf, 'base64')))
    .where('identifiers.device_id', '=', device.id)
    .executeTakeFirst();
  return alias?.identifier ?? device.permanent_identifier;
}

/** Every attestation keeps up to a megabyte of evidence, and a device needs one in weeks. */
export async function checkRate(context: Context, device: DeviceRow): Promise<void> {
  const { count } = await context.store.db
    .selectFrom('evidence')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('device_id', '=', device.id)
    .where('created_at', '>', context.now() - HOUR_MS)
    .executeTakeFirstOrThrow();
  if (Number(count) >= PER_HOUR) {
    refuse('rate-limited', 'This device attested often enough for now.', { headers: { 'retry-after': '3600' } });
  }
}

/** The device as it is now: its keys may have been replaced or revoked, or it may have been removed, while the proofs were checked. */
export async function currentOf(trx: Trx, device: DeviceRow, key: DeviceKeyRow): Promise<DeviceRow> {
  const current = (await findDevice(trx, device.id)) ?? refuse('device-deleted');
  checkTombstone(current);
  const live = await trx
    .selectFrom('device_keys')
    .select('thumbprint')
    .where('thumbprint', '=', key.thumbprint)
    .where('device_id', '=', device.id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!live || current.ak_name !== device.ak_name) {
    refuse('device-key-refused', 'The keys of this device were replaced or revoked in the meantime.');
  }
  return current;
}

type Proof = { device: DeviceRow; key: DeviceKeyRow; proof: TpmProof; permanentIdentifier: string };
type Result = {
  outcome: 'valid' | 'failed';
  verdict: { code?: string } & Record<string, unknown>;
  facts: EndorsementFacts | null;
};

async function store(
  context: Context,
  { device, key, proof, permanentIdentifier }: Proof,
  result: Result,
  caller: Caller,
  change: Parameters<typeof changeDevice>[3],
): Promise<DeviceRow> {
  const now = context.now();
  const row = await context.store.write(async (trx) => {
    const current = await currentOf(trx, device, key);
    // Another failure says nothing new: its bytes would only fill the store.
    if (result.outcome === 'failed' && current.attestation === 'failed') return current;
    const evidence = await insertEvidence(trx, now, {
      device_id: device.id,
      kind: 'tpm',
      purpose: 'reattest',
      outcome: result.outcome,
      bytes: JSON.stringify({
        version: 1,
        origin: context.origin,
        boundTo: key.thumbprint,
        permanentIdentifier,
        received: proof,
        endorsement: result.facts,
        machine: null,
      } satisfies EvidenceBytes),
      verdict: JSON.stringify(result.verdict),
    });
    await audit(trx, now, {
      actor: caller.actor,
      action: 'device.attested',
      subject: { type: 'device', id: device.id },
      outcome: result.outcome === 'valid' ? 'done' : 'refused',
      code: result.verdict.code ?? null,
      before: { attestation: current.attestation },
      after: { attestation: change.attestation, evidence },
      requestId: caller.requestId,
    });
    const kept = result.outcome === 'valid' ? { evidence_id: evidence } : {};
    return changeDevice(trx, now, device.id, { ...change, ...kept, last_seen_at: now });
  });
  context.hub.wake();
  return row;
}
