import { randomUUID } from 'node:crypto';
import type { CryptoKeyPair } from 'openid-client';
import { z } from 'zod';
import { base64url, sha256 } from './bytes.ts';
import { thumbprintOfJwk } from './keys.ts';

const PublicJwk = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() });
const PrivateJwk = PublicJwk.extend({ d: z.string() });
export type PrivateJwk = z.infer<typeof PrivateJwk>;

/** The client key that one ceremony's token and grant are bound to (RFC 9449). Lives for that ceremony only. */
export type GrantKey = {
  pair: CryptoKeyPair;
  thumbprint: string;
  publicJwk: z.infer<typeof PublicJwk>;
};

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export async function createGrantKey(): Promise<GrantKey> {
  // Extractable, so that a ceremony that was killed can go on: it is stored as a secret until the enrolment is done.
  return fromPair(await crypto.subtle.generateKey(P256, true, ['sign', 'verify']));
}

export async function exportGrantKey(key: GrantKey): Promise<PrivateJwk> {
  return PrivateJwk.parse(await crypto.subtle.exportKey('jwk', key.pair.privateKey));
}

export async function importGrantKey(value: unknown): Promise<GrantKey> {
  const { d, ...publicJwk } = PrivateJwk.parse(value);
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('jwk', { ...publicJwk, d }, P256, true, ['sign']),
    crypto.subtle.importKey('jwk', publicJwk, P256, true, ['verify']),
  ]);
  return fromPair({ privateKey, publicKey });
}

async function fromPair(pair: CryptoKeyPair): Promise<GrantKey> {
  const publicJwk = PublicJwk.parse(await crypto.subtle.exportKey('jwk', pair.publicKey));
  return { pair, publicJwk, thumbprint: thumbprintOfJwk(publicJwk) };
}

/** A DPoP proof for one request (RFC 9449 section 4.2); `token` adds `ath`, the hash of the token or grant it goes with. */
export async function dpopProof(
  key: GrantKey,
  request: { method: string; url: URL; token?: string | undefined; nonce?: string | undefined; now: Date },
): Promise<string> {
  const part = (value: object) => base64url(Buffer.from(JSON.stringify(value)));
  const header = part({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk });
  const payload = part({
    jti: randomUUID(),
    htm: request.method,
    htu: `${request.url.origin}${request.url.pathname}`,
    iat: Math.floor(request.now.getTime() / 1000),
    ...(request.token === undefined ? {} : { ath: base64url(sha256(request.token)) }),
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
  });
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    key.pair.privateKey,
    Buffer.from(`${header}.${payload}`),
  );
  return `${header}.${payload}.${base64url(new Uint8Array(signature))}`;
}
