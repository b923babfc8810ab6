import { createECDH, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { bindingDigest } from '../attestation/binding.ts';
import { digest as hash } from '../attestation/hashes.ts';
import type { BindingInput } from './tpm/attestor.ts';

/** Where the key of a claim lives. The inventory shows it, because it says how hard the key is to copy. */
export type ClaimProtection = 'secure-enclave' | 'keychain' | 'file';

/**
 * A machine without a TPM claims its serial number under a P-256 key. The signature shows that the same key answers
 * later, never that the serial is true.
 */
export type ClaimSigner = {
  readonly protection: ClaimProtection;
  /** SubjectPublicKeyInfo DER of the key. */
  spki(): Promise<Uint8Array>;
  /**
   * ECDSA with SHA-256 whose message is the binding's digest of kind `claim`; its two names are empty, as there is no
   * TPM. r ‖ s, 64 bytes.
   */
  signClaim(binding: BindingInput): Promise<Uint8Array>;
  /** ECDSA over a SHA-256 digest; r ‖ s, 64 bytes. */
  sign(digest: Uint8Array): Promise<Uint8Array>;
};

/** A P-256 key that signs SHA-256 digests: in the Secure Enclave, in a keychain, or in this process. */
export type ClaimKey = {
  protection: ClaimProtection;
  spki(): Promise<Uint8Array>;
  /** r ‖ s, 64 bytes. */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
};

export function createClaimSigner(key: ClaimKey): ClaimSigner {
  const none = new Uint8Array(0);
  return {
    protection: key.protection,
    spki: () => key.spki(),
    signClaim: (binding) =>
      key.signDigest(hash('sha256', bindingDigest('claim', { ...binding, akName: none, deviceKeyName: none }))),
    sign: (digest) => key.signDigest(digest),
  };
}

/**
 * A claim key in a file or in memory: the last resort where neither enclave nor keychain can be had, and what test
 * hosts use. `stored` is a PKCS#8 PEM made by an earlier call; `protection` labels where the caller keeps it.
 */
export function createSoftwareClaimKey(
  protection: ClaimProtection,
  stored?: KeyObject,
): ClaimKey & { privateKey: KeyObject } {
  const privateKey = stored ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  return {
    protection,
    privateKey,
    spki: async () => spki,
    signDigest: async (digest) => signDigest(privateKey, digest),
  };
}

const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * ECDSA P-256 over a digest that is already made (FIPS 186-5, 6.4.1), which node:crypto offers for messages only. The
 * point multiplication is OpenSSL's; the scalars are blinded, because BigInt takes longer for larger numbers.
 */
export function signDigest(privateKey: KeyObject, digest: Uint8Array): Uint8Array {
  const { d } = privateKey.export({ format: 'jwk' });
  if (typeof d !== 'string' || digest.length !== 32)
    throw new RangeError('A P-256 key and a SHA-256 digest are needed.');
  const secret = toNumber(Buffer.from(d, 'base64url'));
  const z = toNumber(digest);
  for (;;) {
    const ephemeral = createECDH('prime256v1');
    const point = ephemeral.generateKeys();
    const k = toNumber(ephemeral.getPrivateKey());
    const r = toNumber(point.subarray(1, 33)) % N;
    const blind = (toNumber(randomBytes(40)) % (N - 1n)) + 1n;
    const s = (inverse((blind * k) % N) * ((blind * z + ((blind * r) % N) * secret) % N)) % N;
    if (r !== 0n && s !== 0n) return new Uint8Array([...toBytes(r), ...toBytes(s)]);
  }
}

function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, N, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % N) + N) % N;
}

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
