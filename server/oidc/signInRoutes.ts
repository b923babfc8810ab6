import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ERRORS } from '../../contract/index.ts';
import { refuse, ServerError } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { cookieName, cookieOptions } from '../http/cookies.ts';
import { refusalOf } from '../http/problem.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { audit } from '../store/audit.ts';
import { decideCeremony, openCeremony } from '../store/ceremonies.ts';
import type { CeremonyRow, UserRow } from '../store/schema.ts';
import { createSession, SESSION_MAX_MS } from '../store/sessions.ts';
import { beginSignIn, rememberSignedIn, takeSignIn } from '../store/signIns.ts';
import { ensureUserByEmail, findUser, recordSignIn } from '../store/users.ts';
import { checkPerson, checkSelfEnrolment, findInvite, type PresentedInvite } from './admission.ts';
import { confirmPage, languageOf, messagePage, onwardsPage, type Page } from './pages.ts';

const SIGN_IN_COOKIE_MS = 10 * 60_000;
const Uid = z.object({ uid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) });

const USED_UP = [
  'It was answered before, or it is too old.',
  'Look at the window of Muster: it shows how far the enrolment is, and starts it again if need be.',
];

function send(reply: FastifyReply, status: number, { html, headers }: Page): FastifyReply {
  return reply.code(status).headers(headers).send(html);
}

/** The pages between the server's own authorization endpoint and the organization's identity provider. */
export async function signInRoutes(app: App, context: Context): Promise<void> {
  const { store, origin, demo, now, provider, upstream } = context;
  const names = {
    signIn: cookieName(origin, 'sign-in'),
    invite: cookieName(origin, 'invite'),
    session: cookieName(origin, 'session'),
  };
  const access = { kind: 'public', perMinute: 120 } as const;
  const route = { config: { access }, schema: { hide: true } };

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
    const [status, title, advice] = ERRORS[refusal.code];
    return send(
      reply,
      status,
      messagePage(title, refusal.detail === title ? [advice] : [refusal.detail, advice], demo),
    );
  });

  const interactionOf = async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      return await provider.interactionDetails(request.raw, reply.raw);
    } catch (cause) {
      throw new ServerError('ceremony-expired', ERRORS['ceremony-expired'][1], { cause });
    }
  };
  type Interaction = Awaited<ReturnType<typeof interactionOf>>;
  type Result = Parameters<typeof provider.interactionFinished>[2];

  /** Hands the browser back to the authorization server, which answers on the raw response. */
  const finish = async (request: FastifyRequest, reply: FastifyReply, result: Result): Promise<FastifyReply> => {
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    await provider.interactionFinished(request.raw, reply.raw, result, { mergeWithLastSubmission: true });
    return reply;
  };
  /** Ends the sign-in with a code of the contract, which reaches the client as `error_description`. */
  const giveUp = async (request: FastifyRequest, reply: FastifyReply, code: string): Promise<FastifyReply> =>
    finish(request, reply, { error: 'access_denied', error_description: code });

  const ceremonyInAnyState = async (interaction: Interaction): Promise<CeremonyRow | undefined> => {
    const ceremony = await openCeremony(store.db, now(), String(interaction.params.ceremony));
    const jkt = interaction.params.dpop_jkt;
    // Whoever starts the sign-in must hold the key that the ceremony announced.
    return jkt === undefined || jkt === ceremony?.key_thumbprint ? ceremony : undefined;
  };
  const ceremonyOf = async (interaction: Interaction): Promise<CeremonyRow | undefined> => {
    const ceremony = await ceremonyInAnyState(interaction);
    return ceremony?.state === 'announced' ? ceremony : undefined;
  };
  /** A second click sends the same answer again: the person who gave it gets the same result, and nothing is decided twice. */
  const decidedBefore = async (
    interaction: Interaction,
    user: UserRow | undefined,
    accepted: boolean,
  ): Promise<Result | undefined> => {
    const ceremony = await ceremonyInAnyState(interaction);
    if (!user || ceremony?.user_id !== user.id || interaction.prompt.name !== 'consent') return undefined;
    if (ceremony.state === 'confirmed' && accepted && ceremony.oidc_grant_id !== null) {
      return { consent: { grantId: ceremony.oidc_grant_id } };
    }
    if (ceremony.state !== 'refused' || accepted) return undefined;
    return { error: 'access_denied', error_description: 'sign-in-cancelled' };
  };

  /** The invite that the device sent with its request for a code, else the one that was opened in this browser. */
  const presentedIn = (request: FastifyRequest, interaction: Interaction): PresentedInvite | undefined => {
    const { invite: hash } = interaction.params;
    if (typeof hash === 'string') return { from: 'device', hash };
    const secret = request.cookies[names.invite];
    return secret === undefined ? undefined : { from: 'browser', secret };
  };

  /** The address of the identity provider's sign-in; what has to come back is kept, and its cookie set. */
  const beginUpstream = async (reply: FastifyReply, purpose: string): Promise<string> => {
    if (!upstream) return refuse('unavailable', 'No identity provider is connected to this inventory yet.');
    const { url, state, nonce, verifier } = await upstream.begin();
    const secret = await store.write((trx) => beginSignIn(trx, now(), { purpose, state, nonce, verifier }));
    reply.setCookie(names.signIn, secret, cookieOptions(origin, SIGN_IN_COOKIE_MS));
    return url.href;
  };

  app.get('/interaction/:uid', route, async (request, reply) => {
    const interaction = await interactionOf(request, reply);
    const ceremony = await ceremonyOf(interaction);
    if (!ceremony) return giveUp(request, reply, 'ceremony-expired');
    if (interaction.prompt.name === 'login') {
      if (upstream) {
        const url = await beginUpstream(reply, `interaction:${interaction.uid}`);
        // A device's code was typed into a form of ours, and that form's redirects end here.
        if (interaction.deviceCode === undefined) return reply.redirect(url, 303);
        return send(reply, 200, onwardsPage(url, demo, languageOf(request.headers['accept-language'])));
      }
      return signInByInvite(request, reply, presentedIn(request, interaction));
    }
    const user = await personOf(interaction);
    if (!user) return giveUp(request, reply, 'sign-in-failed');
    const settings = await context.settings();
    try {
      await checkSelfEnrolment(store.db, now(), settings, user, presentedIn(request, interaction));
    } catch (error) {
      return refusedAt(request, reply, ceremony, user, error);
    }
    const redirect = URL.parse(String(interaction.params.redirect_uri ?? ''));
    const confirmation = confirmPage({
      team: settings.name,
      person: { email: user.email, displayName: user.display_name },
      deviceName: ceremony.device_name,
      os: ceremony.os,
      code: ceremony.code,
      demo,
      action: `/interaction/${interaction.uid}/decision`,
      formTargets: redirect ? [redirect.origin] : [],
      language: languageOf(request.headers['accept-language']),
    });
    return send(reply, 200, confirmation);
  });

  /** Without an identity provider the invite itself says who signs in: the address that it was sent to. */
  const signInByInvite = async (
    request: FastifyRequest,
    reply: FastifyReply,
    presented: PresentedInvite | undefined,
  ): Promise<FastifyReply> => {
    const invite = await findInvite(store.db, now(), presented);
    if (!invite) return giveUp(request, reply, 'invite-refused');
    const user = await store.write((trx) => ensureUserByEmail(trx, now(), { email: invite.email }));
    return finish(request, reply, { login: { accountId: user.id, remember: false } });
  };

  app.get('/interaction/:uid/signed-in', route, async (request, reply) => {
    const interaction = await interactionOf(request, reply);
    const secret = request.cookies[names.signIn];
    const signedIn = secret === undefined ? undefined : await store.write((trx) => takeSignIn(trx, now(), secret));
    reply.clearCookie(names.signIn, { path: '/' });
    if (signedIn?.purpose !== `interaction:${interaction.uid}` || signedIn.user_id === null) {
      return giveUp(request, reply, 'sign-in-failed');
    }
    return finish(request, reply, { login: { accountId: signedIn.user_id, remember: false } });
  });

  app.post('/interaction/:uid/decision', route, async (request, reply) => {
    if (!isOwnOrigin(request.headers, origin)) refuse('forbidden', 'This form was not sent from this server.');
    Uid.parse(request.params);
    const interaction = await interactionOf(request, reply).catch(() => undefined);
    if (!interaction) return send(reply, 410, messagePage('This page was used already', USED_UP, demo));
    const user = await personOf(interaction);
    const accepted = (request.body as Record<string, unknown> | undefined)?.decision === 'accept';
    const before = await decidedBefore(interaction, user, accepted);
    if (before) return finish(request, reply, before);
    const ceremony = await ceremonyOf(interaction);
    if (!ceremony) return giveUp(request, reply, 'ceremony-expired');
    if (!user || interaction.prompt.name !== 'consent') return giveUp(request, reply, 'sign-in-failed');
    const actor = { type: 'person', id: user.id, name: user.email, address: request.ip } as const;
    const subject = { type: 'ceremony', id: ceremony.id };
    const after = { device: ceremony.device_name, permanentIdentifier: ceremony.permanent_identifier };
    if (!accepted) {
      await store.write(async (trx) => {
        const refused = { state: 'refused', user_id: user.id, invite_id: null, oidc_grant_id: null } as const;
        await decideCeremony(trx, now(), ceremony.id, refused);
        await audit(trx, now(), {
          actor,
          action: 'ceremony.refused',
          subject,
          outcome: 'refused',
          after,
          requestId: request.id,
        });
      });
      return giveUp(request, reply, 'sign-in-cancelled');
    }
    const grant = new provider.Grant({ accountId: user.id, clientId: String(interaction.params.client_id) });
    grant.addOIDCScope('openid');
    const grantId = await grant.save();
    const settings = await context.settings();
    try {
      await store.write(async (trx) => {
        const invite = await checkSelfEnrolment(trx, now(), settings, user, presentedIn(request, interaction));
        const confirmed = {
          state: 'confirmed',
          user_id: user.id,
          invite_id: invite?.id ?? null,
          oidc_grant_id: grantId,
        } as const;
        if (!(await decideCeremony(trx, now(), ceremony.id, confirmed))) refuse('ceremony-expired');
        await audit(trx, now(), { actor, action: 'ceremony.confirmed', subject, after, requestId: request.id });
      });
    } catch (error) {
      const meanwhile = await decidedBefore(interaction, user, accepted);
      return meanwhile ? finish(request, reply, meanwhile) : refusedAt(request, reply, ceremony, user, error);
    }
    return finish(request, reply, { consent: { grantId } });
  });

  /** A refusal by policy: audited, told to the client by its code, and so to the person in the app. */
  const refusedAt = async (
    request: FastifyRequest,
    reply: FastifyReply,
    ceremony: CeremonyRow,
    user: UserRow,
    error: unknown,
  ): Promise<FastifyReply> => {
    const { code } = refusalOf(error);
    if (code === 'internal') throw error;
    await store.write((trx) =>
      audit(trx, now(), {
        actor: { type: 'person', id: user.id, name: user.email, address: request.ip },
        action: 'ceremony.refused',
        subject: { type: 'ceremony', id: ceremony.id },
        outcome: 'refused',
        code,
        requestId: request.id,
      }),
    );
    return giveUp(request, reply, code);
  };

  const personOf = async (interaction: Interaction): Promise<UserRow | undefined> => {
    const id = interaction.session?.accountId;
    return id === undefined ? undefined : findUser(store.db, id);
  };

  app.get('/console/sign-in', route, async (_request, reply) =>
    reply.redirect(await beginUpstream(reply, 'console'), 303),
  );

  app.get('/sign-in/callback', route, async (request, reply) => {
    const secret = request.cookies[names.signIn];
    const walk = secret === undefined ? undefined : await store.write((trx) => takeSignIn(trx, now(), secret));
    reply.clearCookie(names.signIn, { path: '/' });
    if (!walk || !upstream || walk.user_id !== null) {
      return refuse(
        'sign-in-failed',
        'This sign-in was started in another browser, was finished before, or took too long.',
      );
    }
    const settings = await context.settings();
    // What no identity provider confirmed is a stranger's doing: logged, but no record that is kept for good.
    const person = await upstream.finish(new URL(request.url, origin), walk).catch((error: unknown) => {
      request.log.warn({ err: error }, 'sign-in refused');
      throw error;
    });
    const signedIn = await (async () => {
      checkPerson(settings, person);
      return store.write((trx) => recordSignIn(trx, now(), person));
    })().catch(async (error: unknown) => {
      request.log.warn({ err: error }, 'sign-in refused');
      const { code } = refusalOf(error);
      const actor = { type: 'person', id: null, name: person.email, address: request.ip } as const;
      await store.write((trx) =>
        audit(trx, now(), {
          actor,
          action: 'person.sign-in',
          subject: { type: 'person', id: null },
          outcome: 'refused',
          code,
          requestId: request.id,
        }),
      );
      throw error;
    });
    if (walk.purpose === 'console') return openConsole(request, reply, signedIn);
    const uid = /^interaction:([A-Za-z0-9_-]+)$/.exec(walk.purpose)?.[1] ?? refuse('sign-in-failed');
    const next = await store.write((trx) => rememberSignedIn(trx, now(), walk.purpose, signedIn.id));
    return reply
      .setCookie(names.signIn, next, cookieOptions(origin, SIGN_IN_COOKIE_MS))
      .redirect(`/interaction/${uid}/signed-in`, 303);
  });

  const openConsole = async (request: FastifyRequest, reply: FastifyReply, user: UserRow): Promise<FastifyReply> => {
    const actor = { type: 'administrator', id: user.id, name: user.email, address: request.ip } as const;
    const subject = { type: 'person', id: user.id };
    if (user.role === null || user.active !== 1) {
      await store.write((trx) =>
        audit(trx, now(), {
          actor,
          action: 'session.opened',
          subject,
          outcome: 'refused',
          code: 'forbidden',
          requestId: request.id,
        }),
      );
      return refuse('forbidden', 'You are signed in, but you are not an administrator of this inventory.');
    }
    const secret = await store.write(async (trx) => {
      await audit(trx, now(), { actor, action: 'session.opened', subject, requestId: request.id });
      return createSession(trx, now(), user.id);
    });
    return reply.setCookie(names.session, secret, cookieOptions(origin, SESSION_MAX_MS)).redirect('/console/', 303);
  };
}
