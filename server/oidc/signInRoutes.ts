import type { FastifyReply, FastifyRequest } from 'fastify';
import { languageOf } from '../../contract/acceptLanguage.ts';
import { ERRORS } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { cookieName, cookieOptions } from '../http/cookies.ts';
import { refusalOf } from '../http/problem.ts';
import { audit } from '../store/audit.ts';
import type { UserRow } from '../store/schema.ts';
import { createSession, SESSION_MAX_MS } from '../store/sessions.ts';
import { takeSignIn } from '../store/signIns.ts';
import { recordSignIn, type SignedIn } from '../store/users.ts';
import { checkPerson } from './admission.ts';
import { confirmRoutes } from './confirmRoutes.ts';
import { errorPage, send } from './pages.ts';
import { createWalks, SIGN_IN_ROUTE } from './walks.ts';

/** The pages between the server's own authorization endpoint and the organization's identity provider. */
export async function signInRoutes(app: App, context: Context): Promise<void> {
  const { store, origin, demo, now, upstream } = context;
  const sessions = cookieName(origin, 'session');
  const walks = createWalks(context);

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 4096 },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))));
    },
  );
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'internal') request.log.error({ err: error }, 'sign-in page failed');
    const language = languageOf(request.headers['accept-language']);
    return send(reply.headers(refusal.headers), ERRORS[refusal.code][0], errorPage(refusal, demo, language));
  });
  await confirmRoutes(app, context, walks);

  app.get('/console/sign-in', SIGN_IN_ROUTE, async (_request, reply) =>
    reply.redirect(await walks.begin(reply, 'console'), 303),
  );

  app.get('/sign-in/callback', SIGN_IN_ROUTE, async (request, reply) => {
    const secret = request.cookies[walks.cookie];
    const walk = secret === undefined ? undefined : await store.write((trx) => takeSignIn(trx, now(), secret));
    reply.clearCookie(walks.cookie, { path: '/' });
    if (!walk || !upstream || walk.user_id !== null) {
      return refuse(
        'sign-in-failed',
        'This sign-in was started in another browser, was finished before, or took too long.',
      );
    }
    // What no identity provider confirmed is a stranger's doing: logged, but no record that is kept for good.
    const person = await upstream.finish(new URL(request.url, origin), walk).catch((error: unknown) => {
      request.log.warn({ err: error }, 'sign-in refused');
      throw error;
    });
    const signedIn = await admitPerson(request, person);
    if (walk.purpose === 'console') return openConsole(request, reply, signedIn);
    const uid = /^interaction:([A-Za-z0-9_-]+)$/.exec(walk.purpose)?.[1] ?? refuse('sign-in-failed');
    await walks.remember(reply, walk.purpose, signedIn.id);
    return reply.redirect(`/interaction/${uid}/signed-in`, 303);
  });

  /** The row of a person whom the identity provider confirmed, where they may sign in; a refusal leaves a record. Error: `sign-in-failed`. */
  const admitPerson = async (request: FastifyRequest, person: SignedIn): Promise<UserRow> => {
    try {
      checkPerson(await context.settings(), person);
      return await store.write((trx) => recordSignIn(trx, now(), person));
    } catch (error) {
      request.log.warn({ err: error }, 'sign-in refused');
      const { code } = refusalOf(error);
      await store.write((trx) =>
        audit(trx, now(), {
          actor: { type: 'person', id: null, name: person.email, address: request.ip },
          action: 'person.sign-in',
          subject: { type: 'person', id: null },
          outcome: 'refused',
          code,
          requestId: request.id,
        }),
      );
      throw error;
    }
  };

  const openConsole = async (request: FastifyRequest, reply: FastifyReply, user: UserRow): Promise<FastifyReply> => {
    const actor = { type: 'administrator', id: user.id, name: user.email, address: request.ip } as const;
    const record = {
      actor,
      action: 'session.opened',
      subject: { type: 'person', id: user.id },
      requestId: request.id,
    } as const;
    if (user.role === null || user.active !== 1) {
      await store.write((trx) => audit(trx, now(), { ...record, outcome: 'refused', code: 'forbidden' }));
      return refuse('forbidden', 'You are signed in, but you are not an administrator of this inventory.');
    }
    const secret = await store.write(async (trx) => {
      await audit(trx, now(), record);
      return createSession(trx, now(), user.id);
    });
    return reply.setCookie(sessions, secret, cookieOptions(origin, SESSION_MAX_MS)).redirect('/console/', 303);
  };
}
