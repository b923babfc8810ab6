import type { SelfDevice } from '../contract/index.ts';
import { base64, fromBase64 } from './bytes.ts';
import { AppError } from './errors.ts';
import type { Inventory } from './inventory.ts';
import { type Prover, signerOf } from './prover.ts';
import { type EnrollmentRecord, loadKey } from './records.ts';

/**
 * Proves the TPM's other endorsement keys with the attestation key that the device enrolled with, so that they name the same device. A key
 * without certificate is left out where the device's own has one: the server would refuse it. One that is refused does not keep the
 * others back; the first refusal is thrown in the end. Undefined where the TPM has no other key.
 */
export async function proveOtherKeys(
  record: EnrollmentRecord,
  prover: Prover,
  inventory: Inventory,
): Promise<SelfDevice | undefined> {
  const { attestationKey, deviceKey } = record;
  if (prover.kind !== 'tpm' || !attestationKey || deviceKey.kind !== 'tpm') {
    throw new AppError('tpm-unsupported', 'This device is enrolled without a TPM; it has no endorsement keys.');
  }
  const { attestor, endorsement } = prover;
  const signer = signerOf(prover, deviceKey);
  const own = endorsement.eks.find(({ permanentIdentifier }) => permanentIdentifier === attestationKey.ek);
  const others = endorsement.eks.filter((ek) => ek !== own && (ek.certificate || !own?.certificate));
  let device: SelfDevice | undefined;
  let refusal: unknown;
  for (const ek of others) {
    try {
      const answer = await inventory.alias(signer, {
        ek: base64(ek.publicKeySpki),
        ekCerts: ek.certificate ? [ek.certificate, ...endorsement.chain].map(base64) : [],
      });
      const secret = await attestor.activateCredential(
        loadKey(attestationKey),
        ek.permanentIdentifier,
        fromBase64(answer.credential),
        fromBase64(answer.secret),
      );
      device = await inventory.aliasSecret(signer, base64(secret));
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
  return device;
}
