import type { FastifyReply } from 'fastify';
import { refuse } from '../error.ts';
import type { Context } from '../http/context.ts';
import { cookieName, cookieOptions } from '../http/cookies.ts';
import { beginSignIn, rememberSignedIn } from '../store/signIns.ts';

const SIGN_IN_COOKIE_MS = 10 * 60_000;

/** Who may open the pages of a sign-in, and how often. */
export const SIGN_IN_ROUTE = {
  config: { access: { kind: 'public', perMinute: 120 } as const },
  schema: { hide: true },
};

export type Walks = ReturnType<typeof createWalks>;

/** Walks of a browser to the organization's identity provider and back: what has to come back is kept, under a cookie of that browser. */
export function createWalks({ store, now, origin, upstream }: Pick<Context, 'store' | 'now' | 'origin' | 'upstream'>) {
  const cookie = cookieName(origin, 'sign-in');
  const options = cookieOptions(origin, SIGN_IN_COOKIE_MS);
  return {
    cookie,
    /** The address of the identity provider's sign-in. Error: `unavailable`. */
    begin: async (reply: FastifyReply, purpose: string): Promise<string> => {
      if (!upstream) return refuse('unavailable', 'No identity provider is connected to this inventory yet.');
      const { url, state, nonce, verifier } = await upstream.begin();
      const secret = await store.write((trx) => beginSignIn(trx, now(), { purpose, state, nonce, verifier }));
      reply.setCookie(cookie, secret, options);
      return url.href;
    },
    /** Notes who came back, for the interaction that waits. */
    remember: async (reply: FastifyReply, purpose: string, userId: string): Promise<void> => {
      const secret = await store.write((trx) => rememberSignedIn(trx, now(), purpose, userId));
      reply.setCookie(cookie, secret, options);
    },
  };
}
