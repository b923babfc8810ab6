import { constants, type KeyObject, verify } from 'node:crypto';
import type { parseSignature, TpmSignature } from './attest.ts';
import { concat, padTo } from './bytes.ts';
import { refuse } from './error.ts';
import { hashOf, strongHashOf } from './hashes.ts';
import { curveSize, type PublicArea } from './publicArea.ts';
import { ALG } from './tpmConstants.ts';

const SCHEMES = { rsassa: ALG.RSASSA, rsapss: ALG.RSAPSS, ecdsa: ALG.ECDSA } as const;

/**
 * Verifies a TPM's signature over `data` (a TPMS_ATTEST without size) with the scheme and hash that the *key* declares: a signature of
 * another scheme or hash is refused before any arithmetic. Errors: `wrong-scheme`, `weak-algorithm`, `bad-signature`, `too-large`.
 * Source: TPM 2.0 Library part 1 section 31; {@link parseSignature} gives the input.
 */
export function checkTpmSignature(
  area: PublicArea,
  key: KeyObject,
  signature: TpmSignature,
  data: Uint8Array,
  what: string,
  allowSha1 = false,
): void {
  const { alg, hash } = area.scheme;
  if (SCHEMES[signature.alg] !== alg || signature.hash !== hash) {
    refuse('wrong-scheme', `${what} is signed with another scheme or hash than its key declares.`);
  }
  const { name } = allowSha1 ? hashOf(signature.hash) : strongHashOf(signature.hash);
  if (!verify(name, data, keyOptions(area, key, signature), signatureBytes(area, signature))) {
    refuse('bad-signature', `${what} is not signed by the attestation key.`);
  }
}

function keyOptions(area: PublicArea, key: KeyObject, signature: TpmSignature) {
  switch (signature.alg) {
    case 'ecdsa':
      return { key, dsaEncoding: 'ieee-p1363' as const };
    case 'rsassa':
      return { key, padding: constants.RSA_PKCS1_PADDING };
    case 'rsapss':
      return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    default:
      return (signature satisfies never) ?? area;
  }
}

/** TPMs strip leading zeros of r and s (part 2 section 11.3.2); an RSA signature is as long as its modulus, so that it has one form only. */
function signatureBytes(area: PublicArea, signature: TpmSignature): Uint8Array {
  if (signature.alg !== 'ecdsa') {
    if (area.type !== 'rsa' || signature.signature.length !== area.keyBits / 8) {
      refuse('bad-signature', 'The RSA signature is not as long as the modulus of its key.');
    }
    return signature.signature;
  }
  if (area.type !== 'ecc') return refuse('wrong-scheme', 'An ECDSA signature cannot come from an RSA key.');
  const size = curveSize(area.curve);
  if (signature.r.length > size || signature.s.length > size) {
    refuse('bad-signature', 'The ECDSA signature is longer than the field of its curve.');
  }
  const r = padTo(signature.r, size, 'bad-signature', 'The signature value r');
  return concat(r, padTo(signature.s, size, 'bad-signature', 'The signature value s'));
}
