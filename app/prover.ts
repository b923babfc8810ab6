import type { MachineReport } from '../contract/index.ts';
import { fromBase64 } from './bytes.ts';
import { AppError } from './errors.ts';
import { thumbprintOfSpki } from './keys.ts';
import type { Attestor, ClaimSigner, Endorsement, Hardware, HardwareIdentity } from './ports.ts';
import { tpmSigner } from './proof.ts';
import type { StoredDeviceKey } from './records.ts';
import type { DeviceSigner } from './signature.ts';

/** What this machine proves itself with, opened. Whoever opens one closes it. */
export type Prover =
  | { kind: 'tpm'; attestor: Attestor; endorsement: Endorsement; permanentIdentifier: string }
  | { kind: 'claim'; signer: ClaimSigner; permanentIdentifier: string };

export async function openProver(hardware: Hardware, machine: MachineReport): Promise<Prover> {
  switch (hardware.kind) {
    case 'tpm': {
      const attestor = await hardware.open();
      try {
        const endorsement = await attestor.readEndorsement();
        const [preferred] = endorsement.eks;
        if (!preferred) throw new AppError('tpm-unsupported', 'The TPM has no endorsement key that Muster can use.');
        return { kind: 'tpm', attestor, endorsement, permanentIdentifier: preferred.permanentIdentifier };
      } catch (error) {
        await attestor.close();
        throw error;
      }
    }
    case 'claim': {
      if (!('value' in machine.serial)) {
        throw new AppError('tpm-missing', `The serial number cannot be read: ${machine.serial.unavailable}`);
      }
      // The one spelling that the inventory takes for a claimed serial number.
      const permanentIdentifier = machine.serial.value.trim().toUpperCase();
      return { kind: 'claim', signer: hardware.signer, permanentIdentifier };
    }
    default:
      throw hardware satisfies never;
  }
}

export async function closeProver(prover: Prover): Promise<void> {
  if (prover.kind === 'tpm') await prover.attestor.close();
}

/** Signs with an open prover. */
export function signerOf(prover: Prover, key: StoredDeviceKey): DeviceSigner {
  if (prover.kind === 'tpm' && key.kind === 'tpm') return tpmSigner(prover.attestor, key);
  if (prover.kind === 'claim' && key.kind === 'claim') {
    return { keyId: thumbprintOfSpki(fromBase64(key.spki)), sign: (digest) => prover.signer.sign(digest) };
  }
  throw new AppError('key-of-another-tpm', 'The stored device key belongs to another kind of hardware.');
}

/**
 * Signs now and then for weeks: opens the hardware for each signature and closes it again, so that other programs get their turn at the TPM.
 * One at a time.
 */
export function occasionalSigner(hardware: HardwareIdentity, key: StoredDeviceKey, alone: Exclusive): DeviceSigner {
  return {
    keyId: thumbprintOfSpki(fromBase64(key.spki)),
    sign: (digest) =>
      alone(async () => {
        const found = await hardware.hardware();
        if (found.kind === 'claim' && key.kind === 'claim') return found.signer.sign(digest);
        if (found.kind !== 'tpm' || key.kind !== 'tpm') {
          throw new AppError('key-of-another-tpm', 'The stored device key belongs to another kind of hardware.');
        }
        const attestor = await found.open();
        try {
          return await tpmSigner(attestor, key).sign(digest);
        } finally {
          await attestor.close();
        }
      }),
  };
}

/** Runs one job at a time, in order; a failed job does not hold up the next. */
export type Exclusive = <T>(job: () => Promise<T>) => Promise<T>;
export function exclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const next = last.then(job, job);
    last = next.catch(() => undefined);
    return next;
  };
}
