import { createHash, randomBytes } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import { base64, sha256 } from './bytes.ts';

/** Signs a SHA-256 digest with the device key: ECDSA P-256, r||s (64 bytes). `keyId` is its JWK thumbprint. */
export type DeviceSigner = { keyId: string; sign(digest: Uint8Array): Promise<Uint8Array> };

/**
 * The headers that make a request the device's own (RFC 9421): `Signature-Input` and `Signature` with label `muster` over method, target
 * URI and, with a body, `Content-Digest` (RFC 9530, sha-256); parameters created, nonce, keyid, alg.
 */
export async function signRequest(
  signer: DeviceSigner,
  request: { method: string; url: URL; body?: string | undefined; now: Date },
): Promise<Record<string, string>> {
  const digest: Record<string, string> =
    request.body === undefined ? {} : { 'content-digest': `sha-256=:${base64(sha256(request.body))}:` };
  const signed = await httpbis.signMessage(
    {
      name: 'muster',
      fields: ['@method', '@target-uri', ...Object.keys(digest)],
      params: ['created', 'nonce', 'keyid', 'alg'],
      paramValues: { created: request.now, nonce: randomBytes(16).toString('base64url') },
      key: {
        id: signer.keyId,
        alg: 'ecdsa-p256-sha256',
        sign: async (data) => Buffer.from(await signer.sign(createHash('sha256').update(data).digest())),
      },
    },
    { method: request.method, url: request.url, headers: digest },
  );
  return Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
