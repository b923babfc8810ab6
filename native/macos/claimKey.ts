import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ClaimKey, ClaimProtection } from '../claimSigner.ts';
import { NativeError } from '../errors.ts';

const run = promisify(execFile);

/** Runs the helper with arguments and answers what it prints; replaced in tests. */
export type RunHelper = (args: string[]) => Promise<string>;

/** The helper by its absolute path inside the signed app. */
export function helperAt(path: string): RunHelper {
  return async (args) => (await run(path, args, { timeout: 15_000, env: {} })).stdout;
}

/** The Mac's claim key: in the Secure Enclave, or in the keychain where that cannot be had; the helper says which. */
export async function openMacClaimKey(helper: RunHelper): Promise<ClaimKey> {
  const { protection, spki } = await ask(helper, ['public'], ['protection', 'spki']);
  if (protection !== 'secure-enclave' && protection !== 'keychain') throw unusable(undefined);
  const publicKey = new Uint8Array(Buffer.from(spki ?? '', 'base64'));
  return {
    protection: protection satisfies ClaimProtection,
    spki: async () => publicKey,
    async signDigest(digest) {
      const { signature } = await ask(helper, ['sign', Buffer.from(digest).toString('base64')], ['signature']);
      return ecdsaFromDer(new Uint8Array(Buffer.from(signature ?? '', 'base64')));
    },
  };
}

async function ask(helper: RunHelper, args: string[], fields: string[]): Promise<Record<string, string>> {
  try {
    const answer = JSON.parse(await helper(args)) as Record<string, unknown>;
    for (const field of fields) if (typeof answer[field] !== 'string') throw new TypeError(field);
    return answer as Record<string, string>;
  } catch (cause) {
    throw unusable(cause);
  }
}

function unusable(cause: unknown): NativeError {
  return new NativeError('secure-enclave-unavailable', 'The helper that holds this Mac’s key does not answer.', {
    cause,
  });
}

/** r ‖ s, 64 bytes, of an ECDSA-Sig-Value for P-256 (RFC 3279, 2.2.3). */
export function ecdsaFromDer(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64);
  let at = 2;
  for (const place of [32, 64]) {
    const length = der[at + 1] ?? 0;
    if (der[0] !== 0x30 || der[at] !== 0x02 || length === 0 || at + 2 + length > der.length) throw unusable(undefined);
    let number = der.subarray(at + 2, at + 2 + length);
    while (number.length > 1 && number[0] === 0) number = number.subarray(1);
    if (number.length > 32) throw unusable(undefined);
    signature.set(number, place - number.length);
    at += 2 + length;
  }
  return signature;
}
