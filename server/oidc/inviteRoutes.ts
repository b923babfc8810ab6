import { createHash } from 'node:crypto';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { cookieName, cookieOptions } from '../http/cookies.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { audit } from '../store/audit.ts';
import { markInviteOpened, openInvite } from '../store/invites.ts';
import { page } from './pages.ts';

const SCRIPT = `const secret = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const [state, next] = [document.querySelector('#state'), document.querySelector('#next')];
const answer = await fetch('/api/v1/invites/open', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ secret }),
});
const body = await answer.json();
state.textContent = answer.ok ? 'This invite is for ' + body.email + '. It stays in this browser.' : body.title + ' ' + body.advice;
if (answer.ok) next.hidden = false;
`;

const OpenedInvite = z.object({ email: z.string(), team: z.string(), expiresAt: z.string() });

/** The page behind an invite link. The secret stands in the fragment, which no mail scanner sends, and ends as a cookie of this browser. */
export async function inviteRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, origin, now, demo } = context;
  const config = { access: { kind: 'public', perMinute: 30 } } as const;
  const version = createHash('sha256').update(SCRIPT).digest('hex').slice(0, 12);

  routes.get('/invite', { config, schema: { hide: true } }, async (_request, reply) => {
    const { name } = await context.settings();
    const body = `<p id="state" role="status">Opening the invite…</p>
<div id="next" hidden><p>Install Muster on the device that you want to enrol, then open it: it starts the sign-in in this browser.</p>
<p><a class="button" href="muster://open?server=${encodeURIComponent(origin)}">Open Muster</a></p>
<dl><dt>Windows</dt><dd>Run the installer that your team gave you.</dd><dt>macOS</dt><dd>Open the .pkg, then Muster in Applications.</dd><dt>Linux</dt><dd>Install the .deb or .rpm, then start Muster.</dd></dl></div>`;
    const { html, headers } = page({
      title: `Enrol a device with ${name}`,
      body,
      demo,
      script: `/invite.js?v=${version}`,
    });
    return reply.headers(headers).send(html);
  });

  routes.get('/invite.js', { config, schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(SCRIPT),
  );

  routes.post(
    '/api/v1/invites/open',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Put an invite into this browser, for the sign-in that follows',
        body: z.strictObject({ secret: z.string().max(128) }),
        response: { 200: OpenedInvite },
      },
    },
    async (request, reply) => {
      if (!isOwnOrigin(request.headers, origin)) refuse('forbidden', 'This request was not sent from this server.');
      const invite = (await openInvite(store.db, now(), request.body.secret)) ?? refuse('invite-refused');
      await store.write(async (trx) => {
        await markInviteOpened(trx, now(), invite.id);
        await audit(trx, now(), {
          actor: { type: 'person', id: null, name: invite.email, address: request.ip },
          action: 'invite.opened',
          subject: { type: 'invite', id: invite.id },
          requestId: request.id,
        });
      });
      const { name } = await context.settings();
      const lives = Math.max(0, invite.expires_at - now());
      return reply
        .setCookie(cookieName(origin, 'invite'), request.body.secret, cookieOptions(origin, lives))
        .send({ email: invite.email, team: name, expiresAt: new Date(invite.expires_at).toISOString() });
    },
  );
}
