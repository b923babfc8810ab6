import { createPublicKey } from 'node:crypto';
import { base64url, sha256 } from './bytes.ts';
import { AppError } from './errors.ts';

/** SHA-256 JWK thumbprint (RFC 7638) of a P-256 public key in DER SubjectPublicKeyInfo: names a device key in HTTP signatures. */
export function thumbprintOfSpki(spki: Uint8Array): string {
  const jwk = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({ format: 'jwk' });
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256') {
    throw new AppError('tpm-unsupported', 'The device key is not an elliptic-curve key on P-256.');
  }
  return thumbprintOfJwk(jwk);
}

/** Members in lexicographic order, no spaces (RFC 7638 section 3). */
export function thumbprintOfJwk(jwk: { crv?: unknown; x?: unknown; y?: unknown }): string {
  return base64url(sha256(JSON.stringify({ crv: jwk.crv, kty: 'EC', x: jwk.x, y: jwk.y })));
}
