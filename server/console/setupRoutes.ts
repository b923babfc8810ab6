import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Email } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { isOwnOrigin } from '../http/sameOrigin.ts';
import { page } from '../oidc/pages.ts';
import { redeemSetup } from '../store/firstOwner.ts';

const SCRIPT = `const secret = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const [form, state] = [document.querySelector('form'), document.querySelector('#state')];
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const email = new FormData(form).get('email');
  const answer = await fetch('/api/v1/setup', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret, email }),
  });
  if (answer.ok) return location.assign('/console/sign-in');
  const problem = await answer.json();
  state.textContent = problem.detail + ' ' + problem.advice;
});
`;

/** First run: whoever holds the link that the server printed names the first owner, who then signs in like everybody. */
export async function setupRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now, origin, demo } = context;
  const config = { access: { kind: 'public', perMinute: 20 } } as const;

  routes.get('/setup', { config, schema: { hide: true } }, async (_request, reply) => {
    const body = `<p>You become the owner of this inventory. Give the address that you sign in with at your identity provider.</p>
<form><label>E-mail address <input name="email" type="email" autocomplete="email" required></label><button>Become the owner</button></form>
<p id="state" role="alert"></p>`;
    const { html, headers } = page({ title: 'Set up Muster', body, demo, script: '/setup.js' });
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
