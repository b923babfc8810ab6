import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { thumbprintOf } from '../enrollment/tpmProof.ts';

export type GrantKey = { privateKey: KeyObject; thumbprint: string };

export function createGrantKey(): GrantKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, thumbprint: thumbprintOf(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))) };
}

export type ProofRequest = {
  method: string;
  url: string;
  token?: string;
  issuedAt?: number;
  jti?: string;
  nonce?: string;
};

/** A DPoP proof (RFC 9449). */
export async function dpopProof(key: GrantKey, request: ProofRequest): Promise<string> {
  const { kty, crv, x, y } = createPublicKey(key.privateKey).export({ format: 'jwk' });
  const ath =
    request.token === undefined ? {} : { ath: createHash('sha256').update(request.token).digest('base64url') };
  const nonce = request.nonce === undefined ? {} : { nonce: request.nonce };
  return new SignJWT({ htm: request.method, htu: request.url, jti: request.jti ?? randomUUID(), ...ath, ...nonce })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } as never })
    .setIssuedAt(request.issuedAt ?? Math.floor(Date.now() / 1000))
    .sign(key.privateKey);
}
