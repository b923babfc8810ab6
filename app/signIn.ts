import type * as OAuth from 'openid-client';
import type { Ceremony, ServerInfo } from '../contract/index.ts';
import type { GrantKey } from './dpop.ts';
import { AppError } from './errors.ts';
import type { SignInToken } from './inventory.ts';
import type { Fetch, SystemBrowser } from './ports.ts';
import { assertSecure, isLoopback } from './serverUrl.ts';

export type SignInRequest = {
  origin: string;
  server: ServerInfo;
  ceremony: Ceremony;
  key: GrantKey;
  fetch: Fetch;
  /** The person has to act in a browser at this address (for the device flow, after typing `userCode`). */
  waiting(where: { url: string; userCode: string | null }): void;
  signal: AbortSignal;
};

/** One way to get a token for a grant. The ceremony does not know which. */
export type SignIn = (request: SignInRequest) => Promise<SignInToken>;

const CALLBACK_PATH = '/callback';
const SCOPE = 'openid';
const END_PAGE = {
  en: { title: 'You can close this page', text: 'Muster goes on in its own window.' },
  de: { title: 'Sie können diese Seite schließen', text: 'Muster macht in seinem eigenen Fenster weiter.' },
};

/** Only where somebody signs in: a process that watches for weeks keeps no OAuth client. */
async function loadOAuth() {
  const [oauth, { mapOAuthError }] = await Promise.all([import('openid-client'), import('./oauthErrors.ts')]);
  return { oauth, mapOAuthError };
}

/** System browser, authorization code, PKCE S256, loopback redirect, `state`, `nonce` and `iss` checked (RFC 8252, RFC 9207). */
export function browserSignIn(browser: SystemBrowser, onBrowserProblem: 'wait' | 'stop'): SignIn {
  return async (request) => {
    const { oauth, mapOAuthError } = await loadOAuth();
    const config = await discover(request, request.server.clientIds.desktop);
    const issuer = config.serverMetadata().issuer;
    const state = oauth.randomState();
    const nonce = oauth.randomNonce();
    const verifier = oauth.randomPKCECodeVerifier();
    // Only here: a process that watches for weeks needs no server of its own.
    const { listenOnLoopback } = await import('./loopback.ts');
    const listener = await listenOnLoopback({
      path: CALLBACK_PATH,
      state,
      page: END_PAGE,
      signal: request.signal,
    });
    try {
      const url = oauth.buildAuthorizationUrl(config, {
        redirect_uri: listener.redirectUri,
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ceremony: request.ceremony.id,
        dpop_jkt: request.key.thumbprint,
      });
      requireOrigin(url, request.origin);
      request.waiting({ url: url.href, userCode: null });
      // Where no browser opens, the address can still be copied from the window: with a person there, the wait goes on.
      const opened = browser.open(url.href);
      const problem = opened.then(
        () => listener.callback,
        (error: unknown) => (onBrowserProblem === 'wait' ? listener.callback : Promise.reject(error)),
      );
      const callback = await Promise.race([listener.callback, problem]);
      requireIssuer(callback, issuer);
      const tokens = await oauth.authorizationCodeGrant(
        config,
        callback,
        { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
        undefined,
        { DPoP: oauth.getDPoPHandle(config, request.key.pair) },
      );
      return bound(tokens);
    } catch (error) {
      request.signal.throwIfAborted();
      throw mapOAuthError(error);
    } finally {
      await listener.close();
    }
  };
}

/** The secret of an invite that this machine was given, if any; asked for once the server is known. */
export type InviteSource = (server: ServerInfo, signal: AbortSignal) => Promise<string | undefined>;

/** Whether a person needs an invite to enrol here: without an identity provider it is the only way to sign in. */
export function needsInvite({ signIn }: ServerInfo): boolean {
  return signIn.invites && !(signIn.identityProvider && signIn.selfEnrolment);
}

/**
 * RFC 8628, for a machine without a browser: the person types a code in a browser elsewhere. An invite goes with the request for the code, in
 * its body and never in an address, and is kept nowhere here; without one the person opens it in that browser.
 */
export function deviceCodeSignIn(inviteFrom?: InviteSource): SignIn {
  return async (request) => {
    const { oauth, mapOAuthError } = await loadOAuth();
    try {
      const config = await discover(request, request.server.clientIds.agent);
      const invite = await inviteFrom?.(request.server, request.signal);
      const answer = await oauth.initiateDeviceAuthorization(config, {
        scope: SCOPE,
        ceremony: request.ceremony.id,
        dpop_jkt: request.key.thumbprint,
        ...(invite === undefined ? {} : { invite }),
      });
      requireOrigin(new URL(answer.verification_uri), request.origin);
      request.waiting({ url: answer.verification_uri, userCode: answer.user_code });
      const tokens = await oauth.pollDeviceAuthorizationGrant(config, answer, undefined, {
        DPoP: oauth.getDPoPHandle(config, request.key.pair),
        signal: request.signal,
      });
      return bound(tokens);
    } catch (error) {
      request.signal.throwIfAborted();
      throw mapOAuthError(error);
    }
  };
}

/** No person: IT's token from managed settings, used together with a proof of the ceremony's key. */
export function provisioningSignIn(token: string): SignIn {
  return async () => ({ kind: 'provisioning-token', token });
}

/** The server is its own authorization server: an issuer elsewhere would be a mix-up, whatever it answers. */
async function discover(request: SignInRequest, clientId: string): Promise<OAuth.Configuration> {
  const { oauth, mapOAuthError } = await loadOAuth();
  const issuer = new URL(request.server.issuer);
  requireOrigin(issuer, request.origin);
  return oauth
    .discovery(issuer, clientId, undefined, oauth.None(), {
      [oauth.customFetch]: (url, options) => request.fetch(url, { ...(options as RequestInit), redirect: 'manual' }),
      // The signature of the ID token is checked too, although it comes straight from the token endpoint.
      execute: [oauth.enableNonRepudiationChecks, ...(isLoopback(issuer) ? [oauth.allowInsecureRequests] : [])],
      timeout: 20,
    })
    .catch((error: unknown) => {
      throw mapOAuthError(error);
    });
}

function requireOrigin(url: URL, origin: string): void {
  assertSecure(url);
  if (url.origin !== origin) {
    throw new AppError('server-not-muster', `${origin} names a sign-in page on another server (${url.host}).`);
  }
}

/** RFC 9207, required and not only where it is advertised: this server always sends it. */
function requireIssuer(callback: URL, issuer: string): void {
  if (callback.searchParams.get('iss') !== issuer) {
    throw new AppError('sign-in-failed', 'The answer to the sign-in does not come from this server.');
  }
}

function bound(tokens: OAuth.TokenEndpointResponse): SignInToken {
  if (tokens.token_type !== 'dpop') {
    throw new AppError('sign-in-failed', 'The server gave a token that is not bound to this ceremony.');
  }
  return { kind: 'dpop', token: tokens.access_token };
}
