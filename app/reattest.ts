import { X509Certificate } from 'node:crypto';
import type { SelfDevice } from '../contract/index.ts';
import { fromBase64 } from './bytes.ts';
import { AppError, toAppError } from './errors.ts';
import type { Inventory } from './inventory.ts';
import type { Clock } from './ports.ts';
import { activate, tpmProof } from './proof.ts';
import { type Prover, signerOf } from './prover.ts';
import type { EnrollmentRecord } from './records.ts';

/** Renew the AK certificate when less than this is left of it: the server's clock may be ahead of ours. */
const MARGIN_MS = 10 * 60_000;

/** A day: long before any policy counts an attestation as stale, and seldom enough to cost the server nothing. */
const MAX_AGE_MS = 24 * 3_600_000;

/** Whether an enrolled device should attest again by itself: what it showed last is a day old, or the server calls it stale. */
export function reattestationDue(record: EnrollmentRecord, now: Date): boolean {
  const { approval, lifecycle, attestation, attestedAt } = record.device;
  if (record.attestationKey === null || approval === 'refused' || lifecycle === 'deleted') return false;
  if (attestation === 'stale' || attestedAt === null) return true;
  return now.getTime() - Date.parse(attestedAt) > MAX_AGE_MS;
}

/** Proves the enrolled keys again, over a fresh challenge bound to the device key; renews the AK certificate where it ran out. */
export async function reattest(
  record: EnrollmentRecord,
  prover: Prover,
  inventory: Inventory,
  clock: Clock,
): Promise<{ device: SelfDevice; akChain: string[] }> {
  const { attestationKey, deviceKey } = record;
  if (prover.kind !== 'tpm' || !attestationKey || deviceKey.kind !== 'tpm') {
    throw new AppError('tpm-unsupported', 'This device is enrolled without a TPM; there is nothing to attest again.');
  }
  const { attestor, endorsement } = prover;
  const signer = signerOf(prover, deviceKey);
  // Without a grant `/attest` serves identifiers that the inventory holds.
  const renew = () => activate({ inventory, credential: { kind: 'none' }, attestor, endorsement, key: attestationKey });
  const prove = async (akChain: string[]) => {
    const challenge = await inventory.challenge(inventory.device(signer));
    const proof = await tpmProof({
      attestor,
      attestationKey,
      akChain,
      deviceKey,
      challenge,
      origin: inventory.origin,
      thumbprint: signer.keyId,
      permanentIdentifier: record.permanentIdentifier,
    });
    return { device: await inventory.reattest(signer, proof), akChain };
  };
  if (runsOut(record.akChain, clock)) return prove(await renew());
  try {
    return await prove(record.akChain);
  } catch (error) {
    if (toAppError(error).code !== 'ak-certificate-refused') throw error;
    return prove(await renew());
  }
}

function runsOut(akChain: string[], clock: Clock): boolean {
  const [leaf] = akChain;
  if (!leaf) return true;
  return Date.parse(new X509Certificate(fromBase64(leaf)).validTo) - clock.now().getTime() < MARGIN_MS;
}
