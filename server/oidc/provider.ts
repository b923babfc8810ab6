import type { KeyObject } from 'node:crypto';
import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Store } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import { createAdapter } from './adapter.ts';
import { callerOf } from './caller.ts';
import type { BindInvite } from './deviceInvite.ts';
import { escapeHtml, messagePage, type Page, page } from './pages.ts';

export const CLIENT_IDS = { desktop: 'desktop', agent: 'agent' } as const;
export const MOUNT = '/oidc';
/** Where a person types the code of a device, below the mount. */
const DEVICE_PAGE = '/device';

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

/**
 * The server's own authorization server: public client `desktop` (loopback redirect on any port, S256) and `agent` (device flow). Both name
 * the ceremony that they sign in for; access tokens are opaque, bound to the client's key, and good for a grant only.
 */
export function createProvider(options: Options): Provider {
  const { store, origin, now } = options;
  const demo = store.stamp === 'demo';
  const secure = origin.startsWith('https:');
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
      short: { httpOnly: true, sameSite: 'lax', secure, signed: true },
      long: { httpOnly: true, sameSite: 'lax', secure, signed: true },
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
        userCodeInputSource: (ctx, form, _out, error) => show(ctx, userCodePage(form, error !== undefined, demo)),
        userCodeConfirmSource: (ctx, form, _client, _info, code) => show(ctx, userCodeConfirmPage(form, code, demo)),
        successSource: (ctx) =>
          show(ctx, messagePage('Done', ['The device goes on by itself. You can close this page.'], demo)),
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
    renderError: (ctx, out) => {
      show(
        ctx,
        messagePage(
          'This sign-in cannot go on',
          ['Start the enrolment again on your device.', `Reason: ${out.error}.`],
          demo,
        ),
      );
    },
  });
  provider.use(async (ctx, next) => {
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

function userCodePage(form: string, failed: boolean, demo: boolean): Page {
  const value = /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? '';
  const error = failed ? '<p role="alert">This code is not known, was used, or has expired.</p>' : '';
  const body = `${error}<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="xsrf" value="${escapeHtml(value)}">
<label>Code shown by the device <input name="user_code" autocomplete="off" autocapitalize="characters" required></label><button>Continue</button></form>`;
  return page({ title: 'Enter the code of your device', body, demo });
}

function userCodeConfirmPage(form: string, code: string, demo: boolean): Page {
  const body = `<p>Does the device show this code?</p><p class="code">${escapeHtml(code)}</p>${form}
<p><button form="op.deviceConfirmForm" autofocus>Yes, continue</button></p>`;
  return page({ title: 'Compare the code', body, demo });
}
