import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { memoryAdapter } from './memoryAdapter.ts';
import type { DemoPerson } from './people.ts';

export type IdentityProviderKeys = { jwks: { keys: JWK[] }; cookieKey: string; clientSecret: string };

export type IdentityProvider = { issuer: string; clientId: string; clientSecret: string; close(): Promise<void> };

export async function makeIdentityProviderKeys(randomText: () => string): Promise<IdentityProviderKeys> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256', kid: 'demo' };
  return { jwks: { keys: [jwk] }, cookieKey: randomText(), clientSecret: randomText() };
}

/**
 * The demo organization's identity provider: oidc-provider with a sign-in page for the demo people, on loopback.
 * The inventory is its one client, confidential, with PKCE.
 */
export async function startIdentityProvider(options: {
  people: readonly DemoPerson[];
  keys: IdentityProviderKeys;
  /** The inventory's callback address. */
  redirectUri: string;
  port?: number;
}): Promise<IdentityProvider> {
  const http = createServer();
  await new Promise<void>((listening, failed) => {
    http.once('error', failed);
    http.listen(options.port ?? 0, '127.0.0.1', () => listening());
  });
  const address = http.address();
  if (!address || typeof address === 'string') throw new Error('The demo identity provider has no port.');
  const issuer = `http://127.0.0.1:${address.port}`;
  const clientId = 'muster-inventory';
  const provider = new Provider(issuer, configuration(options, clientId));
  const handle = provider.callback();
  http.on('request', (request, response) => {
    if (request.url?.startsWith('/sign-in/')) void signInPage(provider, options.people, request, response);
    else void handle(request, response);
  });
  return {
    issuer,
    clientId,
    clientSecret: options.keys.clientSecret,
    close: () =>
      new Promise((closed) => {
        http.close(() => closed());
        http.closeAllConnections();
      }),
  };
}

function configuration(
  options: { people: readonly DemoPerson[]; keys: IdentityProviderKeys; redirectUri: string },
  clientId: string,
): Configuration {
  return {
    adapter: memoryAdapter(),
    clients: [
      {
        client_id: clientId,
        client_secret: options.keys.clientSecret,
        redirect_uris: [options.redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: options.keys.jwks,
    // Cookies do not know ports: the inventory's own authorization server stands on the same host.
    cookies: {
      keys: [options.keys.cookieKey],
      names: { session: 'demo_idp_session', interaction: 'demo_idp_interaction', resume: 'demo_idp_resume' },
    },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
    findAccount: (_context, sub) => {
      const person = options.people.find(({ email }) => email === sub);
      if (!person) return undefined;
      return { accountId: sub, claims: () => ({ sub, email: person.email, email_verified: true, name: person.name }) };
    },
    loadExistingGrant: (context) => firstPartyGrant(context),
    ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 600, Session: 3600, Grant: 3600 },
    renderError: (context, out) => {
      context.type = 'html';
      context.body = page(
        'Sign-in failed',
        `<p>${escapeHtml(out.error_description ?? out.error)}</p><p>Go back and start again.</p>`,
      );
    },
  };
}

/** The organization's own inventory needs no consent screen. */
async function firstPartyGrant(context: KoaContextWithOIDC) {
  const { client, session, provider } = context.oidc;
  if (!client || !session?.accountId) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid email profile');
  await grant.save();
  return grant;
}

async function signInPage(
  provider: Provider,
  people: readonly DemoPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await provider.interactionDetails(request, response);
    if (request.method !== 'POST') return send(response, 200, form(people, ''));
    const fields = new URLSearchParams(await body(request));
    const person = people.find(({ email }) => email === fields.get('login'));
    if (!person || !same(person.password, fields.get('password') ?? '')) {
      return send(response, 401, form(people, 'That e-mail address and password do not belong together.'));
    }
    await provider.interactionFinished(
      request,
      response,
      { login: { accountId: person.email } },
      { mergeWithLastSubmission: false },
    );
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'unknown';
    send(
      response,
      400,
      page('Sign-in expired', `<p>${escapeHtml(detail)}</p><p>Go back to where you came from and start again.</p>`),
    );
  }
}

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > 4096) throw new Error('The form is too large.');
  }
  return text;
}

function same(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function form(people: readonly DemoPerson[], message: string): string {
  const hint = people.map(({ email }) => `<li><code>${escapeHtml(email)}</code></li>`).join('');
  return page(
    'Sign in to the demo organization',
    `${message ? `<p role="alert"><strong>${escapeHtml(message)}</strong></p>` : ''}
<form method="post"><p><label>E-mail <input name="login" type="email" autocomplete="username" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button></p></form>
<p>This is the demo's identity provider. Its people, whose passwords the demo printed when it started:</p><ul>${hint}</ul>`,
  );
}

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>
:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem}
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin-top:.25rem}button{font:inherit;padding:.5rem 1.5rem}
</style></head><body><main><h1>${escapeHtml(title)}</h1>${content}</main></body></html>`;
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(html);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
