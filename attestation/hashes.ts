import { hash } from 'node:crypto';
import { concat } from './bytes.ts';
import { refuse } from './error.ts';
import { ALG } from './tpmConstants.ts';

/** The hashes that are computed here, by node:crypto's names. */
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

const BY_ALG: Record<number, { name: HashName; size: number }> = {
  [ALG.SHA1]: { name: 'sha1', size: 20 },
  [ALG.SHA256]: { name: 'sha256', size: 32 },
  [ALG.SHA384]: { name: 'sha384', size: 48 },
  [ALG.SHA512]: { name: 'sha512', size: 64 },
};

/** Name and digest size in bytes of a TPM hash algorithm; refuses hashes that this library does not compute. */
export function hashOf(alg: number): { name: HashName; size: number } {
  return BY_ALG[alg] ?? refuse('unsupported-algorithm', `Hash algorithm 0x${alg.toString(16)} is not supported.`);
}

/** As {@link hashOf}, and refuses SHA-1 (`weak-algorithm`): it no longer proves anything. */
export function strongHashOf(alg: number): { name: HashName; size: number } {
  if (alg === ALG.SHA1) refuse('weak-algorithm', 'SHA-1 is refused here: it no longer protects against forgery.');
  return hashOf(alg);
}

/** The hash of the parts, one after another. */
export function digest(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  // One call of a one-shot hash costs a tenth of a hash object with its updates; as text (a byte each character) it costs half of what it does as a Buffer.
  const text = hash(name, parts.length === 1 && only ? only : concat(...parts), 'binary');
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}
