import { constants, type KeyObject, verify } from 'node:crypto';
import type { TpmSignature } from './attest.ts';
import { stripZeros } from './bytes.ts';
import { DER, der, derUnsigned } from './der.ts';
import { refuse } from './error.ts';
import { hashOf, strongHashOf } from './hashes.ts';
import { curveSize, type PublicArea } from './publicArea.ts';
import { ALG } from './tpmConstants.ts';

const SCHEMES = { rsassa: ALG.RSASSA, rsapss: ALG.RSAPSS, ecdsa: ALG.ECDSA } as const;

/**
 * Verifies a TPM's signature over `data` (a TPMS_ATTEST without size) with the scheme and hash that the *key* declares: a signature of
 * another scheme or hash is refused before any arithmetic. Errors: `wrong-scheme`, `weak-algorithm`, `bad-signature`.
 */
export function checkTpmSignature(
  area: PublicArea,
  key: KeyObject,
  signature: TpmSignature,
  data: Uint8Array,
  what: string,
): void {
  const { alg, hash } = area.scheme;
  if (SCHEMES[signature.alg] !== alg || signature.hash !== hash) {
    refuse('wrong-scheme', `${what} is signed with another scheme or hash than its key declares.`);
  }
  strongHashOf(signature.hash);
  checkSignature(sizesOf(area), key, signature, data, what);
}

/** What the form of a signature depends on: the length of an RSA modulus in bytes, or the curve. */
type KeySizes = { type: 'rsa'; modulus: { length: number } } | { type: 'ecc'; curve: number };

const sizesOf = (area: PublicArea): KeySizes =>
  area.type === 'rsa' ? { type: 'rsa', modulus: stripZeros(area.modulus) } : area;

/** Verifies a TPMT_SIGNATURE by a key whose scheme is not known from a public area. Errors: `wrong-scheme`, `bad-signature`. */
export function checkSignature(
  numbers: KeySizes,
  key: KeyObject,
  signature: TpmSignature,
  data: Uint8Array,
  what: string,
): void {
  const { name } = hashOf(signature.hash);
  if (!verify(name, data, keyOptions(key, signature), signatureBytes(numbers, signature))) {
    refuse('bad-signature', `${what} is not signed by the attestation key.`);
  }
}

function keyOptions(key: KeyObject, { alg }: TpmSignature) {
  switch (alg) {
    // A bare key means PKCS #1 v1.5 for RSA and DER for ECDSA; with an object of options node:crypto takes twice as long.
    case 'rsassa':
    case 'ecdsa':
      return key;
    case 'rsapss':
      return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    default:
      return alg satisfies never;
  }
}

/** TPMs strip leading zeros of r and s (part 2 section 11.2.2); an RSA signature is as long as its modulus, so that it has one form only. */
function signatureBytes(key: KeySizes, signature: TpmSignature): Uint8Array {
  if (signature.alg !== 'ecdsa') {
    if (key.type !== 'rsa') return refuse('wrong-scheme', 'An RSA signature cannot come from an EC key.');
    if (signature.signature.length !== key.modulus.length) {
      refuse('bad-signature', 'The RSA signature is not as long as the modulus of its key.');
    }
    return signature.signature;
  }
  if (key.type !== 'ecc') return refuse('wrong-scheme', 'An ECDSA signature cannot come from an RSA key.');
  const size = curveSize(key.curve);
  if (signature.r.length > size || signature.s.length > size) {
    refuse('bad-signature', 'The ECDSA signature is longer than the field of its curve.');
  }
  return der(DER.SEQUENCE, derUnsigned(signature.r), derUnsigned(signature.s));
}
