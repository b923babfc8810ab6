import { createHash } from 'node:crypto';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { languageOf, type PageLanguage } from '../../contract/acceptLanguage.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { cookieName, cookieOptions } from '../http/cookies.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { audit } from '../store/audit.ts';
import { markInviteOpened, openInvite } from '../store/invites.ts';
import { escapeHtml, type Page, page } from './pages.ts';
import { errorTexts } from './pageTexts.ts';

/**
 * The link's secret leaves the address at once, and is kept here until the server has answered: a page that is loaded again asks for the
 * invite that lies in the browser already. What it says stands in the page, in the reader's language.
 */
const SCRIPT = `const secret = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const [state, next, again] = ['#state', '#next', '#again'].map((id) => document.querySelector(id));
const texts = state.dataset;
async function open() {
  again.hidden = true;
  state.textContent = texts.opening;
  try {
    const answer = await fetch('/api/v1/invites/open', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(secret === '' ? {} : { secret }),
    });
    const { email, code } = await answer.json();
    if (answer.ok) {
      state.textContent = texts.opened.replace('{email}', () => email);
      next.hidden = false;
      return;
    }
    const refused = code === 'invite-refused' || code === 'invalid-request';
    state.textContent = refused ? (secret === '' ? texts.missing : texts.refused) : texts.failed;
    again.hidden = refused;
  } catch {
    state.textContent = texts.failed;
    again.hidden = false;
  }
}
again.addEventListener('click', open);
await open();
`;

const TEXTS = {
  en: {
    title: 'Enrol a device with {team}',
    opening: 'Opening the invite…',
    opened: 'This invite is for {email}. It stays in this browser.',
    missing: 'No invite is open in this browser. Open the link from your invite.',
    failed: 'The invite could not be opened: the server does not answer, or is busy. Wait a minute, then try again.',
    again: 'Try again',
    install:
      'Install Muster on the device that you want to enrol, then open it: it starts the sign-in in this browser.',
    start: 'Open Muster',
    windows: 'Run the installer that your team gave you.',
    mac: 'Open the .pkg, then Muster in Applications.',
    linux: 'Install the .deb or .rpm, then start Muster.',
  },
  de: {
    title: 'Ein Gerät bei {team} registrieren',
    opening: 'Die Einladung wird geöffnet …',
    opened: 'Diese Einladung gilt {email}. Sie bleibt in diesem Browser.',
    missing: 'In diesem Browser ist keine Einladung geöffnet. Öffnen Sie den Link aus Ihrer Einladung.',
    failed:
      'Die Einladung ließ sich nicht öffnen: Der Server antwortet nicht oder ist ausgelastet. Warten Sie eine Minute und versuchen Sie es dann erneut.',
    again: 'Erneut versuchen',
    install:
      'Installieren Sie Muster auf dem Gerät, das Sie registrieren möchten, und öffnen Sie es: Es beginnt die Anmeldung in diesem Browser.',
    start: 'Muster öffnen',
    windows: 'Starten Sie das Installationsprogramm, das Ihr Team Ihnen gegeben hat.',
    mac: 'Öffnen Sie die .pkg-Datei, danach Muster unter „Programme“.',
    linux: 'Installieren Sie das .deb- oder .rpm-Paket und starten Sie Muster.',
  },
} as const satisfies Record<PageLanguage, Record<string, string>>;

const OpenedInvite = z.object({ email: z.string(), team: z.string(), expiresAt: z.string() });

function invitePage(team: string, origin: string, demo: boolean, language: PageLanguage, script: string): Page {
  const t = TEXTS[language];
  const texts = { opening: t.opening, opened: t.opened, missing: t.missing, failed: t.failed };
  const refused = errorTexts('invite-refused', language).join(' ');
  const data = Object.entries({ ...texts, refused }).map(([name, text]) => `data-${name}="${escapeHtml(text)}"`);
  const body = `<p id="state" role="status" ${data.join(' ')}>${t.opening}</p>
<p><button id="again" class="quiet" hidden>${t.again}</button></p>
<div id="next" hidden><p>${t.install}</p>
<p><a class="button" href="muster://open?server=${encodeURIComponent(origin)}">${t.start}</a></p>
<dl><dt>Windows</dt><dd>${t.windows}</dd><dt>macOS</dt><dd>${t.mac}</dd><dt>Linux</dt><dd>${t.linux}</dd></dl></div>`;
  return page({ title: t.title.replace('{team}', () => team), body, demo, script, language });
}

/** The page behind an invite link. The secret stands in the fragment, which no mail scanner sends, and ends as a cookie of this browser. */
export async function inviteRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, origin, now, demo } = context;
  const config = { access: { kind: 'public', perMinute: 30 } } as const;
  const version = createHash('sha256').update(SCRIPT).digest('hex').slice(0, 12);
  const cookie = cookieName(origin, 'invite');

  routes.get('/invite', { config, schema: { hide: true } }, async (request, reply) => {
    const { name } = await context.settings();
    const language = languageOf(request.headers['accept-language']);
    const { html, headers } = invitePage(name, origin, demo, language, `/invite.js?v=${version}`);
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
        summary:
          'Put an invite into this browser, for the sign-in that follows; without a secret, look at the one there',
        body: z.strictObject({ secret: z.string().max(128).optional() }),
        response: { 200: OpenedInvite },
      },
    },
    async (request, reply) => {
      if (!isOwnOrigin(request.headers, origin)) refuse('forbidden', 'This request was not sent from this server.');
      const given = request.body.secret;
      const secret = given ?? request.cookies[cookie] ?? refuse('invite-refused');
      const invite = (await openInvite(store.db, now(), secret)) ?? refuse('invite-refused');
      const { name } = await context.settings();
      const opened = { email: invite.email, team: name, expiresAt: new Date(invite.expires_at).toISOString() };
      if (given === undefined) return opened;
      await store.write(async (trx) => {
        await markInviteOpened(trx, now(), invite.id);
        await audit(trx, now(), {
          actor: { type: 'person', id: null, name: invite.email, address: request.ip },
          action: 'invite.opened',
          subject: { type: 'invite', id: invite.id },
          requestId: request.id,
        });
      });
      const lives = Math.max(0, invite.expires_at - now());
      return reply.setCookie(cookie, secret, cookieOptions(origin, lives)).send(opened);
    },
  );
}
