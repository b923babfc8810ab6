import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { languageOf } from '../../contract/acceptLanguage.ts';
import type { Store } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import { createAdapter } from './adapter.ts';
import { callerOf } from './caller.ts';
import type { BindInvite } from './deviceInvite.ts';
import { deviceMessage, signInEndedPage, userCodeConfirmPage, userCodePage } from './devicePages.ts';
import type { Page } from './pages.ts';

export const CLIENT_IDS = { desktop: 'desktop', agent: 'agent' } as const;
export const MOUNT = '/oidc';
/** Where a person types the code of a device, and where the app's sign-in begins; below the mount. */
const DEVICE_PAGE = '/device';
const AUTHORIZATION = '/auth';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

type Options = {
  store: Store;
  origin: string;
  now: () => number;
  signingKey: { id: string; privateKey: KeyObject };
  cookieKey: Uint8Array;
  dpopNonceKey: Uint8Array;
  reportError: (error: unknown) => void;
  bindInvite: BindInvite;
};

function show(ctx: KoaContextWithOIDC, { html, headers }: Page): void {
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  ctx.body = html;
}

/** Why a device's sign-in ended: what an interaction of ours answered, else the person's own no. */
function endOf(cause: unknown): { error: string; error_description?: string | undefined } {
  return cause instanceof errors.OIDCProviderError
    ? cause
    : { error: 'access_denied', error_description: 'sign-in-cancelled' };
}

/** Takes the cookie of a session out of a request, and its signature; false where there was none. */
function forgetSession(request: IncomingMessage, name: string): boolean {
  const pairs = (request.headers.cookie ?? '').split(';');
  const kept = pairs.filter((pair) => ![name, `${name}.sig`].includes(pair.split('=', 1)[0]?.trim() ?? ''));
  request.headers.cookie = kept.join(';');
  return kept.length < pairs.length;
}

/**
 * The server's own authorization server: public client `desktop` (loopback redirect on any port, S256) and `agent` (device flow). Both name
 * the ceremony that they sign in for; access tokens are opaque, bound to the client's key, and good for a grant only.
 */
export function createProvider(options: Options): Provider {
  const { store, origin, now } = options;
  const demo = store.stamp === 'demo';
  const viewer = (ctx: KoaContextWithOIDC) => ({ demo, language: languageOf(ctx.get('accept-language')) });
  const cookie = { httpOnly: true, sameSite: 'lax', secure: origin.startsWith('https:'), signed: true } as const;
  const jwk = {
    ...options.signingKey.privateKey.export({ format: 'jwk' }),
    kid: options.signingKey.id,
    use: 'sig',
    alg: 'ES256',
  };
  const provider = new Provider(`${origin}${MOUNT}`, {
    adapter: createAdapter(store, now),
    clients: [
      {
        client_id: CLIENT_IDS.desktop,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
        dpop_bound_access_tokens: true,
      },
      {
        client_id: CLIENT_IDS.agent,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
        response_types: [],
        redirect_uris: [],
        dpop_bound_access_tokens: true,
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [jwk] } as never,
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], dPoPSigningAlgValues: ['ES256'] },
    scopes: ['openid'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    claims: { openid: ['sub'] },
    cookies: {
      keys: [Buffer.from(options.cookieKey).toString('base64url')],
      names: { session: 'muster_as', interaction: 'muster_step', resume: 'muster_resume' },
      short: cookie,
      long: cookie,
    },
    extraParams: {
      ceremony: (_ctx, value) => {
        if (value === undefined || !UUID.test(value)) throw new errors.InvalidRequest('ceremony names no enrolment');
      },
      // Only in the body of the device's own request: everywhere else it would be a hash that somebody else chose, or a secret in a URL.
      invite: async (ctx, value) => {
        if (value === undefined) return;
        const params = ctx.oidc.params;
        if (ctx.oidc.route !== 'device_authorization' || !params) {
          throw new errors.InvalidRequest('an invite is sent by a device that asks for a code');
        }
        // What is kept from here on, with the code and its interaction.
        params.invite = await options.bindInvite(value, callerOf(ctx.req));
        if (params.invite === undefined) throw new errors.AccessDenied('invite-refused');
      },
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: Buffer.from(options.dpopNonceKey), requireNonce: () => false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: { enabled: false },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: (ctx, form, _out, error) =>
          show(
            ctx,
            error?.name === 'AbortedError'
              ? signInEndedPage(endOf(error.cause), viewer(ctx))
              : userCodePage(form, error !== undefined, viewer(ctx)),
          ),
        userCodeConfirmSource: (ctx, form, _client, _info, code) =>
          show(ctx, userCodeConfirmPage(form, code, viewer(ctx))),
        successSource: (ctx) => show(ctx, deviceMessage('done', viewer(ctx))),
      },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_ctx, id) => {
      const user = await findUser(store.db, id);
      return user && user.active === 1 ? { accountId: user.id, claims: () => ({ sub: user.id }) } : undefined;
    },
    issueRefreshToken: () => false,
    ttl: {
      AuthorizationCode: 60,
      AccessToken: 600,
      IdToken: 600,
      DeviceCode: 600,
      Grant: 900,
      Interaction: 900,
      Session: 600,
    },
    renderError: (ctx, out) => show(ctx, signInEndedPage(out, viewer(ctx))),
  });
  provider.use(async (ctx, next) => {
    // Each sign-in begins with nobody signed in: otherwise whoever gets somebody to open a link of theirs (an invite from a device says who
    // signs in) would be the one that the next enrolment in that browser is made for.
    if (ctx.path === AUTHORIZATION || (ctx.method === 'GET' && ctx.path === DEVICE_PAGE)) {
      const name = provider.cookieName('session');
      if (forgetSession(ctx.req, name)) ctx.cookies.set(name, null, cookie);
    }
    // A code that comes without the session of its form: the provider's own answer to it would be a 500 (it saves a session that was never one).
    if (ctx.method === 'POST' && ctx.path === DEVICE_PAGE) {
      const id = ctx.cookies.get(provider.cookieName('session'));
      if (id === undefined || (await provider.Session.find(id)) === undefined) {
        ctx.status = 303;
        ctx.redirect(`${MOUNT}${DEVICE_PAGE}`);
        return;
      }
    }
    await next();
  });
  // The origin is configuration: what a proxy or a caller says of host and scheme is replaced before the provider sees it.
  provider.proxy = true;
  provider.on('server_error', (_ctx, error) => options.reportError(error));
  return provider;
}
