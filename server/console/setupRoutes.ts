import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { languageOf, type PageLanguage } from '../../contract/acceptLanguage.ts';
import { Email } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { escapeHtml, type Page, page } from '../oidc/pages.ts';
import { errorTexts } from '../oidc/pageTexts.ts';
import { redeemSetup } from '../store/firstOwner.ts';

const SCRIPT = `const secret = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const [form, state] = [document.querySelector('form'), document.querySelector('#state')];
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  state.textContent = '';
  try {
    const answer = await fetch('/api/v1/setup', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret, email: new FormData(form).get('email') }),
    });
    if (answer.ok) return location.assign('/console/sign-in');
    const { code } = await answer.json();
    state.textContent = { 'setup-refused': state.dataset.refused, 'invalid-request': state.dataset.address }[code] ?? state.dataset.failed;
  } catch {
    state.textContent = state.dataset.failed;
  }
});
`;

const TEXTS = {
  en: {
    title: 'Set up Muster',
    intro: 'You become the owner of this inventory. Give the address that you sign in with at your identity provider.',
    email: 'E-mail address',
    submit: 'Become the owner',
    address: 'This is no e-mail address that can be used. Correct it and send it again.',
    failed: 'The server does not answer, or is busy. Wait a minute, then try again.',
  },
  de: {
    title: 'Muster einrichten',
    intro:
      'Sie werden Eigentümer:in dieses Inventars. Geben Sie die Adresse an, mit der Sie sich bei Ihrem Identity Provider anmelden.',
    email: 'E-Mail-Adresse',
    submit: 'Eigentümer:in werden',
    address: 'Diese E-Mail-Adresse kann nicht benutzt werden. Berichtigen Sie sie und senden Sie sie erneut.',
    failed: 'Der Server antwortet nicht oder ist ausgelastet. Warten Sie eine Minute und versuchen Sie es dann erneut.',
  },
} as const satisfies Record<PageLanguage, Record<string, string>>;

function setupPage(demo: boolean, language: PageLanguage): Page {
  const t = TEXTS[language];
  const refused = errorTexts('setup-refused', language).join(' ');
  const data = Object.entries({ refused, address: t.address, failed: t.failed });
  const attributes = data.map(([name, text]) => `data-${name}="${escapeHtml(text)}"`).join(' ');
  const body = `<p>${t.intro}</p>
<form><label>${t.email} <input name="email" type="email" autocomplete="email" required></label><button>${t.submit}</button></form>
<p id="state" role="alert" ${attributes}></p>`;
  return page({ title: t.title, body, demo, script: '/setup.js', language });
}

/** First run: whoever holds the link that the server printed names the first owner, who then signs in like everybody. */
export async function setupRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now, origin, demo } = context;
  const config = { access: { kind: 'public', perMinute: 20 } } as const;

  routes.get('/setup', { config, schema: { hide: true } }, async (request, reply) => {
    const { html, headers } = setupPage(demo, languageOf(request.headers['accept-language']));
    return reply.headers(headers).send(html);
  });
  routes.get('/setup.js', { config, schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(SCRIPT),
  );
  routes.post(
    '/api/v1/setup',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Name the first owner',
        body: z.strictObject({ secret: z.string().max(128), email: Email }),
        response: { 200: z.object({ email: z.string() }) },
      },
    },
    async (request) => {
      if (!isOwnOrigin(request.headers, origin)) refuse('forbidden', 'This request was not sent from this server.');
      const { secret, email } = request.body;
      const caller = { address: request.ip, requestId: request.id };
      const owner = await store.write((trx) => redeemSetup(trx, now(), { secret, email, ...caller }));
      return { email: owner.email };
    },
  );
}
