import { NativeError } from '../errors.ts';
import { responseCode, u32At } from './codec.ts';

/** Largest command and response that Muster sends or takes, in bytes (TPM_PT_MAX_COMMAND_SIZE of every known part). */
export const MAX_FRAME = 4096;

/**
 * A pipe to one TPM: carries bytes and nothing else. One command at a time; the caller queues.
 * `submit` takes one whole command and resolves with one whole response.
 */
export type Pipe = {
  submit(command: Uint8Array, deadlineMs: number): Promise<Uint8Array>;
  close(): Promise<void>;
  /** The authorization of a hierarchy that the platform keeps for administrators (Windows), where it gives it to us. */
  hierarchyAuth?(hierarchy: number): Uint8Array | undefined;
};

/** Refuses a command whose header disagrees with its length, or that is longer than any TPM takes. */
export function checkCommand(command: Uint8Array): void {
  if (command.length < 10 || command.length > MAX_FRAME || frameSize(command) !== command.length) {
    throw new NativeError('tpm-error', `A TPM command of ${command.length} bytes is not well formed.`);
  }
}

/**
 * Checks the size field of a response, and that one with an error is nothing but its header (TPM 2.0 part 1, 18.8 and
 * 18.9). A response that disagrees poisons the stream: what the TPM did is not known.
 */
export function checkResponse(response: Uint8Array): Uint8Array {
  const whole = response.length >= 10 && response.length <= MAX_FRAME && frameSize(response) === response.length;
  if (!whole || (response.length > 10 && responseCode(response) !== 0)) {
    throw new NativeError('tpm-response-malformed', 'The TPM answered with bytes that are not a TPM response.');
  }
  return response;
}

/** The size field of a command or response header: bytes 2 to 5, big endian. */
export function frameSize(frame: Uint8Array): number {
  return u32At(frame, 2);
}

export function timedOut(deadlineMs: number): NativeError {
  return new NativeError('tpm-timeout', `The TPM did not answer within ${Math.round(deadlineMs / 1000)} seconds.`);
}

/** Rejects after `deadlineMs`; the work itself cannot be stopped from here and goes on. */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut(deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
