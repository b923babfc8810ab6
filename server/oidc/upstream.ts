import * as client from 'openid-client';
import { ServerError } from '../error.ts';
import type { SignedIn } from '../store/users.ts';
import { checkIssuer, vouchesFor } from './issuerRules.ts';

export type IdentityProviderOptions = {
  /** The exact issuer; discovery must answer with the same. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Allows an http issuer on a loopback address: demo and tests. */
  allowInsecureLoopback?: boolean;
};

export type Walk = { url: URL; state: string; nonce: string; verifier: string };

/** The organization's identity provider, towards which this server is a confidential client. */
export type Upstream = {
  begin(loginHint?: string): Promise<Walk>;
  /** Exchanges the code; every check of OpenID Connect Core 3.1.3.7 and RFC 9207 included. Error: `sign-in-failed`, `unavailable`. */
  finish(callback: URL, walk: Omit<Walk, 'url'>): Promise<SignedIn>;
};

export function createUpstream(options: IdentityProviderOptions, redirectUri: string): Upstream {
  const issuer = new URL(options.issuer);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(issuer.hostname);
  if (issuer.protocol !== 'https:' && !(options.allowInsecureLoopback === true && loopback)) {
    throw new ServerError('configuration', 'The identity provider must be reached over https.');
  }
  checkIssuer(issuer);
  const insecure = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [];
  let discovered: Promise<client.Configuration> | undefined;
  const configuration = async (): Promise<client.Configuration> => {
    discovered ??= client.discovery(
      issuer,
      options.clientId,
      { redirect_uris: [redirectUri] },
      client.ClientSecretBasic(options.clientSecret),
      {
        execute: insecure,
        timeout: 5,
      },
    );
    try {
      return await discovered;
    } catch (cause) {
      discovered = undefined;
      throw new ServerError('unavailable', 'The identity provider of your organization does not answer as expected.', {
        cause,
      });
    }
  };
  return {
    async begin(loginHint) {
      const config = await configuration();
      const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      });
      return { url, state, nonce, verifier };
    },
    async finish(callback, walk) {
      const config = await configuration();
      try {
        const tokens = await client.authorizationCodeGrant(config, callback, {
          pkceCodeVerifier: walk.verifier,
          expectedState: walk.state,
          expectedNonce: walk.nonce,
          idTokenExpected: true,
        });
        return await readPerson(config, tokens);
      } catch (cause) {
        if (cause instanceof ServerError) throw cause;
        throw new ServerError('sign-in-failed', 'The identity provider did not confirm the sign-in.', { cause });
      }
    },
  };
}

type Tokens = Awaited<ReturnType<typeof client.authorizationCodeGrant>>;

/** Claims of the ID token, and of userinfo where the token is thin (Entra ID, Okta, oidc-provider). */
async function readPerson(config: client.Configuration, tokens: Tokens): Promise<SignedIn> {
  const claims = tokens.claims();
  if (!claims) throw new ServerError('sign-in-failed', 'The identity provider sent no ID token.');
  const vouched = claims.email_verified !== undefined || claims.xms_edov !== undefined;
  const thin = claims.email === undefined || !vouched;
  const hasUserinfo = config.serverMetadata().userinfo_endpoint !== undefined;
  const more = thin && hasUserinfo ? await client.fetchUserInfo(config, tokens.access_token, claims.sub) : {};
  // Address and its verification from one place: a verification of one address says nothing of another.
  const { email: _email, email_verified: _verified, xms_edov: _edov, ...rest } = claims;
  const all: Record<string, unknown> = { ...more, ...(thin && hasUserinfo ? rest : claims) };
  const text = (name: string) => (typeof all[name] === 'string' && all[name] !== '' ? all[name] : null);
  const email = text('email');
  if (email === null || email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new ServerError('sign-in-failed', 'The identity provider did not say which e-mail address you have.');
  }
  return {
    issuer: claims.iss,
    subject: claims.sub,
    email,
    emailVerified: vouchesFor(claims.iss, all, email),
    displayName: (text('name') ?? text('given_name'))?.slice(0, 256) ?? null,
  };
}
