import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';

export type Claims = Record<string, unknown>;

/** What the provider does wrong; nothing where it behaves. */
export type Hostility = {
  claims?: (claims: Claims) => Claims;
  /** Makes the ID token instead. */
  token?: (claims: Claims, key: Awaited<ReturnType<typeof makeKey>>) => Promise<string> | string;
  issuerParameter?: string | null;
  discovery?: (document: Claims) => Claims;
  /** The ID token without e-mail, which userinfo then gives. */
  thin?: boolean;
};

async function makeKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' } };
}

/** An identity provider of an organization that a test can turn against its relying party. */
export async function startIdentityProvider() {
  const key = await makeKey();
  const codes = new Map<string, { nonce: string; redirect: string }>();
  let person: Claims = { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada' };
  let hostility: Hostility = {};
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const clientId = 'muster';

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const json = (body: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case '/.well-known/openid-configuration': {
        const document = {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['ES256'],
          authorization_response_iss_parameter_supported: true,
        };
        return void json(hostility.discovery?.(document) ?? document);
      }
      case '/jwks':
        return void json({ keys: [key.jwk] });
      case '/authorize': {
        const code = randomBytes(16).toString('hex');
        const redirect = new URL(url.searchParams.get('redirect_uri') ?? '');
        codes.set(code, { nonce: url.searchParams.get('nonce') ?? '', redirect: redirect.href });
        redirect.searchParams.set('code', code);
        redirect.searchParams.set('state', url.searchParams.get('state') ?? '');
        const iss = hostility.issuerParameter === undefined ? issuer : hostility.issuerParameter;
        if (iss !== null) redirect.searchParams.set('iss', iss);
        return void response.writeHead(302, { location: redirect.href }).end();
      }
      case '/token': {
        let text = '';
        for await (const chunk of request) text += String(chunk);
        const form = new URLSearchParams(text);
        const found = codes.get(form.get('code') ?? '');
        codes.delete(form.get('code') ?? '');
        if (!found)
          return void response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
        const now = Math.floor(Date.now() / 1000);
        const { email: _email, email_verified: _verified, ...thin } = person;
        const plain: Claims = {
          iss: issuer,
          aud: clientId,
          iat: now,
          exp: now + 300,
          nonce: found.nonce,
          ...(hostility.thin ? thin : person),
        };
        const claims = hostility.claims?.(plain) ?? plain;
        const idToken = hostility.token ? await hostility.token(claims, key) : await signed(claims, key);
        return void json({ access_token: 'access', token_type: 'Bearer', expires_in: 300, id_token: idToken });
      }
      case '/userinfo':
        return void json(person);
      default:
        return void response.writeHead(404).end();
    }
  }

  return {
    options: { issuer, clientId, clientSecret: 'secret', allowInsecureLoopback: true },
    issuer,
    person: (claims: Claims) => {
      person = claims;
    },
    turn: (against: Hostility) => {
      hostility = against;
    },
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

export function signed(claims: Claims, key: Awaited<ReturnType<typeof makeKey>>): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key.privateKey);
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that nobody signed. */
export function unsigned(claims: Claims): string {
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

/** A token "signed" with the public key as an HMAC secret. */
export function confused(claims: Claims, key: Awaited<ReturnType<typeof makeKey>>): string {
  const body = `${part({ alg: 'HS256', kid: 'one' })}.${part(claims)}`;
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
