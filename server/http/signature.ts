import { createHash, createPublicKey, verify } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import { refuse, ServerError } from '../error.ts';
import { spendNonce } from '../store/nonces.ts';
import type { DeviceKeyRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

const WINDOW_S = 300;
/** Longer than a request can be good for, from a clock at one end of the window to the other. */
const REMEMBER_MS = (2 * WINDOW_S + 5) * 1000;
/** The one profile: label, components in this order, then parameters. Other labels or components are refused. */
const INPUT =
  /^muster=\("@method" "@target-uri"( "content-digest")?\)((?:;[a-z]+=(?:"[\x20-\x21\x23-\x5b\x5d-\x7e]*"|\d+))+)$/;

type SignedRequest = {
  method: string;
  /** The configured origin and the request line's path and query: what the client must have addressed. */
  targetUri: string;
  headers: Record<string, string | string[] | undefined>;
  hasBody: boolean;
  now: number;
};

/**
 * Verifies the signature of a device (RFC 9421; label `muster`) and returns its key, revoked ones included: what a revoked key means is the
 * caller's decision. Errors: `unauthenticated`, `proof-refused`, `clock-skew`. The body is checked by {@link checkContentDigest}.
 */
export async function verifySignature(store: Store, request: SignedRequest): Promise<DeviceKeyRow> {
  const input = one(request.headers['signature-input']);
  const signature = one(request.headers.signature);
  if (!input || !signature) return refuse('unauthenticated', 'The request is not signed with a device key.');
  const match = INPUT.exec(input);
  if (!match) return refuse('proof-refused', 'The signature does not follow the profile of this inventory.');
  if ((match[1] !== undefined) !== request.hasBody) {
    return refuse('proof-refused', 'The signature must cover content-digest exactly where the request has a body.');
  }
  const parameters = new Map(
    [...(match[2] ?? '').matchAll(/;([a-z]+)=(?:"([^"]*)"|(\d+))/g)].map((m) => [m[1], m[2] ?? m[3]]),
  );
  const nonce = parameters.get('nonce');
  const keyId = parameters.get('keyid');
  const created = Number(parameters.get('created'));
  if (parameters.get('alg') !== 'ecdsa-p256-sha256' || !keyId || !nonce || !/^[A-Za-z0-9_-]{22}$/.test(nonce)) {
    return refuse('proof-refused', 'The signature lacks alg, keyid or a nonce of 16 bytes.');
  }
  const skew = Math.round(request.now / 1000 - created);
  if (!Number.isFinite(created) || Math.abs(skew) > WINDOW_S) {
    return refuse(
      'clock-skew',
      `The clock of this machine is ${Math.abs(skew)} seconds ${skew > 0 ? 'behind' : 'ahead of'} the server.`,
    );
  }
  const key = await store.db.selectFrom('device_keys').selectAll().where('thumbprint', '=', keyId).executeTakeFirst();
  if (!key) return refuse('unauthenticated', 'The inventory does not know the key that signed this request.');
  await checkBytes(request, key);
  if (!(await store.write((trx) => spendNonce(trx, 'signature', `${keyId}:${nonce}`, request.now + REMEMBER_MS)))) {
    return refuse('proof-refused', 'The signed request was sent before.');
  }
  return key;
}

async function checkBytes(request: SignedRequest, key: DeviceKeyRow): Promise<void> {
  const publicKey = createPublicKey({ key: Buffer.from(key.spki, 'base64'), type: 'spki', format: 'der' });
  const headers: Record<string, string> = {};
  for (const name of ['signature', 'signature-input', 'content-digest']) {
    const value = one(request.headers[name]);
    if (value !== undefined) headers[name] = value;
  }
  const verified = await httpbis
    .verifyMessage(
      {
        // Time is checked above, against the server's own clock.
        notAfter: Number.MAX_SAFE_INTEGER,
        keyLookup: async () => ({
          algs: ['ecdsa-p256-sha256'],
          verify: async (data, bytes) => verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes),
        }),
      },
      { method: request.method, url: request.targetUri, headers },
    )
    .catch((cause: unknown) => {
      throw new ServerError('proof-refused', 'The signature of the request cannot be read.', { cause });
    });
  if (verified !== true) refuse('proof-refused', 'The signature of the request is wrong.');
}

/** Compares the covered `Content-Digest` (RFC 9530, sha-256) with the body that arrived. */
export function checkContentDigest(header: string | string[] | undefined, body: Uint8Array): void {
  const expected = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  if (one(header) !== expected) refuse('proof-refused', 'The body is not the one that was signed.');
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
