import { createHash, type KeyObject, randomUUID, sign } from 'node:crypto';
import { httpbis } from 'http-message-signatures';

export type SignedRequest = {
  method: string;
  url: string;
  body?: string;
  created?: Date;
  nonce?: string;
  digest?: string;
};

/** Headers that make a request the device's own (RFC 9421). */
export async function signRequest(
  privateKey: KeyObject,
  keyId: string,
  request: SignedRequest,
): Promise<Record<string, string>> {
  const { body } = request;
  const content =
    request.digest ?? (body === undefined ? undefined : createHash('sha256').update(body).digest('base64'));
  const headers: Record<string, string> = content === undefined ? {} : { 'content-digest': `sha-256=:${content}:` };
  const signed = await httpbis.signMessage(
    {
      name: 'muster',
      fields: ['@method', '@target-uri', ...Object.keys(headers)],
      params: ['created', 'nonce', 'keyid', 'alg'],
      paramValues: {
        created: request.created ?? new Date(),
        nonce: request.nonce ?? Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url'),
      },
      key: {
        id: keyId,
        alg: 'ecdsa-p256-sha256',
        sign: async (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      },
    },
    { method: request.method, url: request.url, headers },
  );
  return signed.headers as Record<string, string>;
}
