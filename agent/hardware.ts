import { type OpenTpmOptions, openTpm } from '../native/tpm/open.ts';
import type { Tpm } from '../native/tpm/tpm.ts';
import type { Values } from './command.ts';

/** Longest wait for any TPM command of a one-shot command; RSA keys take a minute on slow parts. */
const DEADLINE_MS = 90_000;

/** Opens the TPM in this process, does one piece of work and closes it again. */
export async function withTpm<T>(
  values: Values,
  work: (tpm: Tpm) => Promise<T>,
  options: OpenTpmOptions = {},
): Promise<T> {
  const tpm = await openTpm({ tcti: values.texts.get('tcti'), inProcess: true, deadlineMs: DEADLINE_MS, ...options });
  try {
    return await work(tpm);
  } finally {
    await tpm.close();
  }
}
