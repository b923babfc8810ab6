import type { TpmProof } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice, findDevice } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import type { DeviceKeyRow, DeviceRow } from '../store/schema.ts';
import { spend } from './enroll.ts';
import { verifyTpmProof } from './tpmProof.ts';
import type { EvidenceBytes } from './verifyEvidence.ts';

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
  await spend(context, proof.challenge, { purpose: 'reattest', deviceId: device.id });
  try {
    const tpm = await verifyTpmProof(context, {
      proof,
      permanentIdentifier: device.permanent_identifier,
      boundTo: key.thumbprint,
    });
    if (tpm.akName !== device.ak_name)
      refuse('ak-refused', 'This is not the attestation key that the device enrolled with.');
    if (tpm.deviceKey.thumbprint !== key.thumbprint)
      refuse('device-key-refused', 'This is not the key that the device enrolled with.');
    const facts = JSON.parse(tpm.akCertificate.facts) as EndorsementFacts;
    const verdict = { ekClass: facts.ekClass, reasons: [...facts.reasons, ...tpm.verdict], secureBoot: tpm.secureBoot };
    const stored = await store(context, device, key, proof, { outcome: 'valid', verdict, facts }, caller, {
      attestation: 'valid',
      attested_at: context.now(),
      ek_class: facts.ekClass,
      ek_certificate: facts.ekCertificate,
      secure_boot: tpm.secureBoot,
    });
    return stored;
  } catch (error) {
    // An expired certificate is renewed and says nothing of the device.
    if (error instanceof ServerError && isErrorCode(error.code) && error.code !== 'ak-certificate-refused') {
      const verdict = { code: error.code, reasons: [error.message] };
      await store(context, device, key, proof, { outcome: 'failed', verdict, facts: null }, caller, {
        attestation: 'failed',
      });
    }
    throw error;
  }
}

type Result = {
  outcome: 'valid' | 'failed';
  verdict: { code?: string } & Record<string, unknown>;
  facts: EndorsementFacts | null;
};

async function store(
  context: Context,
  device: DeviceRow,
  key: DeviceKeyRow,
  proof: TpmProof,
  result: Result,
  caller: Caller,
  change: Parameters<typeof changeDevice>[3],
): Promise<DeviceRow> {
  const now = context.now();
  const row = await context.store.write(async (trx) => {
    const current = (await findDevice(trx, device.id)) ?? refuse('device-deleted');
    const evidence = await insertEvidence(trx, now, {
      device_id: device.id,
      kind: 'tpm',
      purpose: 'reattest',
      outcome: result.outcome,
      bytes: JSON.stringify({
        version: 1,
        origin: context.origin,
        boundTo: key.thumbprint,
        permanentIdentifier: device.permanent_identifier,
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
