import { existsSync, readFileSync } from 'node:fs';
import { isNativeError, NativeError } from '../errors.ts';
import { type OpenTpmOptions, openTpm } from './open.ts';
import { readTpmProperties } from './properties.ts';

/** What a look for the TPM found: one that answers, or the reason why there is none to use. */
export type TpmFinding =
  | { found: true; address: string; manufacturer: number; vendor: string; firmwareVersion: string }
  | { found: false; error: NativeError };

/** Opens the TPM, reads its properties and closes it again. Never throws for a TPM that is absent or in trouble. */
export async function findTpm(options: OpenTpmOptions = { inProcess: true }): Promise<TpmFinding> {
  try {
    const tpm = await openTpm(options);
    try {
      const { manufacturer, vendor, firmwareVersion } = await tpm.work(readTpmProperties);
      return { found: true, address: tpm.address, manufacturer, vendor, firmwareVersion };
    } finally {
      await tpm.close();
    }
  } catch (error) {
    if (!isNativeError(error)) throw error;
    return { found: false, error: explainAbsence(error) };
  }
}

/**
 * Says more about a missing /dev/tpmrm0: a TPM 1.2 has /dev/tpm0 without a resource manager, and a container may
 * simply not see the device of its host. `system` is the root of /sys and /dev, for tests.
 */
export function explainAbsence(error: NativeError, system = ''): NativeError {
  if (error.code !== 'tpm-missing' || process.platform !== 'linux') return error;
  if (readVersion(`${system}/sys/class/tpm/tpm0/tpm_version_major`) === '1') {
    return new NativeError('tpm-1.2', 'The TPM of this machine is version 1.2.', { cause: error });
  }
  if (existsSync(`${system}/sys/class/tpm/tpm0`) && !existsSync(`${system}/dev/tpmrm0`)) {
    return new NativeError('tpm-missing', 'The kernel knows a TPM, but its device /dev/tpmrm0 is not visible here.', {
      advice:
        'In a container, pass the device in (--device /dev/tpmrm0); elsewhere, load the kernel module tpm_crb or tpm_tis.',
      cause: error,
    });
  }
  return error;
}

function readVersion(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Kernels before 5.6 have no such file, and most containers no such folder.
    return undefined;
  }
}
