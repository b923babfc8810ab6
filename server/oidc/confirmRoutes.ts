import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { languageOf, type PageLanguage } from '../../contract/acceptLanguage.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { cookieName } from '../http/cookies.ts';
import { refusalOf } from '../http/problem.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { type Actor, audit } from '../store/audit.ts';
import { decideCeremony } from '../store/ceremonies.ts';
import type { CeremonyRow, UserRow } from '../store/schema.ts';
import { takeSignIn } from '../store/signIns.ts';
import { ensureUserByEmail } from '../store/users.ts';
import { checkSelfEnrolment, findInvite, type PresentedInvite } from './admission.ts';
import { createInteractions, type Interaction } from './interaction.ts';
import { confirmPage, type Message, messagePage, onwardsPage, send } from './pages.ts';
import { SIGN_IN_ROUTE, type Walks } from './walks.ts';

const Uid = z.object({ uid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) });

const USED_UP: Record<PageLanguage, Message> = {
  en: {
    title: 'This page was used already',
    paragraphs: [
      'It was answered before, or it is too old.',
      'Look at the window of Muster: it shows how far the enrolment is, and starts it again if need be.',
    ],
  },
  de: {
    title: 'Diese Seite wurde schon benutzt',
    paragraphs: [
      'Sie wurde schon beantwortet oder ist zu alt.',
      'Sehen Sie im Fenster von Muster nach: Es zeigt, wie weit die Registrierung ist, und beginnt sie nötigenfalls neu.',
    ],
  },
};

/** The pages of one sign-in for an enrolment: on to the identity provider, back, and the question whether to enrol this device. */
export async function confirmRoutes(app: App, context: Context, walks: Walks): Promise<void> {
  const { store, origin, demo, now, provider, upstream } = context;
  const invites = cookieName(origin, 'invite');
  const interactions = createInteractions(context);
  const { finish, giveUp, ceremonyOf, personOf, decidedBefore } = interactions;

  /** The invite that the device sent with its request for a code, else the one that was opened in this browser. */
  const presentedIn = (request: FastifyRequest, interaction: Interaction): PresentedInvite | undefined => {
    const { invite: hash } = interaction.params;
    if (typeof hash === 'string') return { from: 'device', hash };
    const secret = request.cookies[invites];
    return secret === undefined ? undefined : { from: 'browser', secret };
  };
  const actorOf = (request: FastifyRequest, user: UserRow): Actor => {
    return { type: 'person', id: user.id, name: user.email, address: request.ip };
  };

  app.get('/interaction/:uid', SIGN_IN_ROUTE, async (request, reply) => {
    const interaction = await interactions.of(request, reply);
    const ceremony = await ceremonyOf(interaction);
    if (!ceremony) return giveUp(request, reply, 'ceremony-expired');
    const language = languageOf(request.headers['accept-language']);
    if (interaction.prompt.name === 'login') {
      if (upstream) {
        const url = await walks.begin(reply, `interaction:${interaction.uid}`);
        // A device's code was typed into a form of ours, and that form's redirects end here.
        if (interaction.deviceCode === undefined) return reply.redirect(url, 303);
        return send(reply, 200, onwardsPage(url, demo, language));
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
      language,
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
    if (user.active !== 1) return giveUp(request, reply, 'sign-in-failed');
    return finish(request, reply, { login: { accountId: user.id, remember: false } });
  };

  app.get('/interaction/:uid/signed-in', SIGN_IN_ROUTE, async (request, reply) => {
    const interaction = await interactions.of(request, reply);
    const secret = request.cookies[walks.cookie];
    const signedIn = secret === undefined ? undefined : await store.write((trx) => takeSignIn(trx, now(), secret));
    reply.clearCookie(walks.cookie, { path: '/' });
    if (signedIn?.purpose !== `interaction:${interaction.uid}` || signedIn.user_id === null) {
      return giveUp(request, reply, 'sign-in-failed');
    }
    return finish(request, reply, { login: { accountId: signedIn.user_id, remember: false } });
  });

  app.post('/interaction/:uid/decision', SIGN_IN_ROUTE, async (request, reply) => {
    if (!isOwnOrigin(request.headers, origin)) refuse('forbidden', 'This form was not sent from this server.');
    Uid.parse(request.params);
    const interaction = await interactions.of(request, reply).catch(() => undefined);
    if (!interaction) {
      const language = languageOf(request.headers['accept-language']);
      return send(reply, 410, messagePage(USED_UP[language], demo, language));
    }
    const user = await personOf(interaction);
    const accepted = (request.body as Record<string, unknown> | undefined)?.decision === 'accept';
    const before = await decidedBefore(interaction, user, accepted);
    if (before) return finish(request, reply, before);
    const ceremony = await ceremonyOf(interaction);
    if (!ceremony) return giveUp(request, reply, 'ceremony-expired');
    if (!user || interaction.prompt.name !== 'consent') return giveUp(request, reply, 'sign-in-failed');
    const actor = actorOf(request, user);
    const subject = { type: 'ceremony', id: ceremony.id };
    const after = { device: ceremony.device_name, permanentIdentifier: ceremony.permanent_identifier };
    if (!accepted) {
      await store.write(async (trx) => {
        const refused = { state: 'refused', user_id: user.id, invite_id: null, oidc_grant_id: null } as const;
        await decideCeremony(trx, now(), ceremony.id, refused);
        const record = { actor, action: 'ceremony.refused', subject, outcome: 'refused', after } as const;
        await audit(trx, now(), { ...record, requestId: request.id });
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
        actor: actorOf(request, user),
        action: 'ceremony.refused',
        subject: { type: 'ceremony', id: ceremony.id },
        outcome: 'refused',
        code,
        requestId: request.id,
      }),
    );
    return giveUp(request, reply, code);
  };
}
