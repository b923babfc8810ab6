import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { refuse } from '../error.ts';
import { spendNonce } from '../store/nonces.ts';
import type { Store } from '../store/store.ts';

const WINDOW_S = 300;
/** Longer than a proof can be good for, from a clock at one end of the window to the other. */
const REMEMBER_MS = (2 * WINDOW_S + 5) * 1000;

type ProofRequest = {
  proof: string | undefined;
  method: string;
  /** Scheme, authority and path as the client addressed it: the configured origin and the path of the request line. */
  url: string;
  /** The token or grant that the proof goes with; null where there is none (a provisioning token is not bound). */
  token: string | null;
  now: number;
};

/**
 * Verifies a DPoP proof (RFC 9449 section 4.3) and returns the RFC 7638 thumbprint of its key. A proof is used once.
 * Errors: `proof-refused`; `clock-skew` where `iat` is more than five minutes off.
 */
export async function verifyDpop(store: Store, request: ProofRequest): Promise<string> {
  const { proof, method, url, token, now } = request;
  if (!proof || proof.length > 4096) return refuse('proof-refused', 'The request carries no DPoP proof.');
  const verified = await jwtVerify(proof, EmbeddedJWK, { algorithms: ['ES256'], typ: 'dpop+jwt' }).catch(() =>
    refuse('proof-refused', 'The DPoP proof cannot be verified.'),
  );
  const { payload, protectedHeader } = verified;
  if (typeof payload.iat !== 'number' || typeof payload.jti !== 'string' || payload.jti.length > 128) {
    return refuse('proof-refused', 'The DPoP proof lacks iat or jti.');
  }
  if (payload.htm !== method) refuse('proof-refused', 'The DPoP proof was made for another method.');
  if (payload.htu !== url) refuse('proof-refused', 'The DPoP proof was made for another address.');
  if (token !== null && payload.ath !== createHash('sha256').update(token).digest('base64url')) {
    refuse('proof-refused', 'The DPoP proof was made for another token.');
  }
  const skew = Math.round(now / 1000 - payload.iat);
  if (Math.abs(skew) > WINDOW_S) {
    refuse(
      'clock-skew',
      `The clock of this machine is ${Math.abs(skew)} seconds ${skew > 0 ? 'behind' : 'ahead of'} the server.`,
    );
  }
  const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk as JWK, 'sha256');
  const once = createHash('sha256').update(`${thumbprint}:${payload.jti}`).digest('base64url');
  if (!(await store.write((trx) => spendNonce(trx, 'dpop', once, now + REMEMBER_MS)))) {
    refuse('proof-refused', 'The DPoP proof was used before.');
  }
  return thumbprint;
}
