import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGrantKey } from './dpop.ts';
import { AppError } from './errors.ts';
import { listenOnLoopback } from './loopback.ts';
import { browserSignIn, deviceCodeSignIn, type SignIn, type SignInRequest } from './signIn.ts';

/** What the authorization server does wrong; nothing where it is empty. */
type Evil = {
  issuer?: string;
  discovery?: 'redirect' | 'html' | 'other issuer' | '500';
  authorizationEndpoint?: string;
  callback?: (url: URL) => void;
  nonce?: string;
  audience?: string;
  idTokenIssuer?: string;
  expired?: boolean;
  alg?: 'none' | 'HS256' | 'other key';
  tokenType?: string;
  tokenStatus?: number;
  devicePage?: string;
  deviceAnswers?: string[];
};

let server: Server;
let origin: string;
let evil: Evil;
let tokenRequests: URLSearchParams[];
let authorize: URL | undefined;
const CEREMONY = {
  id: '0195a000-0000-7000-8000-00000000000a',
  code: 'BCD-FGH',
  expiresAt: new Date(Date.now() + 600_000).toISOString(),
};

beforeEach(async () => {
  evil = {};
  tokenRequests = [];
  authorize = undefined;
  const own = await generateKeyPair('ES256', { extractable: true });
  const other = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k', use: 'sig', alg: 'ES256' };
  server = createServer(async (request, response) => {
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const issuer = `${origin}/oidc`;
    const path = new URL(request.url ?? '', origin).pathname;
    let text = '';
    for await (const chunk of request) text += chunk;
    const form = new URLSearchParams(text);
    if (path.includes('.well-known')) {
      if (evil.discovery === 'redirect') return response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
      if (evil.discovery === 'html') return response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      if (evil.discovery === '500') return response.writeHead(500).end();
      return json({
        issuer: evil.discovery === 'other issuer' ? `${origin}/other` : issuer,
        authorization_endpoint: evil.authorizationEndpoint ?? `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        device_authorization_endpoint: `${issuer}/device`,
        jwks_uri: `${issuer}/jwks`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        id_token_signing_alg_values_supported: ['ES256'],
        dpop_signing_alg_values_supported: ['ES256'],
      });
    }
    if (path.endsWith('/jwks')) return json({ keys: [jwk] });
    if (path.endsWith('/device')) {
      return json({
        device_code: 'secret-device-code',
        user_code: 'BCDF-GHJK',
        verification_uri: evil.devicePage ?? `${issuer}/page`,
        expires_in: 600,
        interval: 0.01,
      });
    }
    tokenRequests.push(form);
    const answer = evil.deviceAnswers?.shift();
    if (answer) return json({ error: answer }, 400);
    if (evil.tokenStatus) return response.writeHead(evil.tokenStatus).end();
    const claims = new SignJWT({ nonce: evil.nonce ?? authorize?.searchParams.get('nonce') ?? undefined })
      .setProtectedHeader({ alg: evil.alg === 'HS256' ? 'HS256' : 'ES256', kid: 'k' })
      .setSubject('ada')
      .setIssuer(evil.idTokenIssuer ?? issuer)
      .setAudience(evil.audience ?? String(form.get('client_id')))
      .setIssuedAt(evil.expired ? Date.now() / 1000 - 9000 : undefined)
      .setExpirationTime(evil.expired ? Date.now() / 1000 - 8000 : '5m');
    const key =
      evil.alg === 'HS256'
        ? new TextEncoder().encode(JSON.stringify(jwk).padEnd(64))
        : evil.alg === 'other key'
          ? other.privateKey
          : own.privateKey;
    let idToken = await claims.sign(key);
    if (evil.alg === 'none') {
      const none = Buffer.from('{"alg":"none"}').toString('base64url');
      idToken = `${none}.${idToken.split('.')[1]}.`;
    }
    json({ access_token: 'access', token_type: evil.tokenType ?? 'DPoP', expires_in: 60, id_token: idToken });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise<void>((done) => server.close(() => done()));
});

/** The browser of a person who signs in at once; `evil.callback` changes what comes back. */
const browser = {
  async open(text: string) {
    authorize = new URL(text);
    const back = new URL(String(authorize.searchParams.get('redirect_uri')));
    back.searchParams.set('code', 'one-time');
    back.searchParams.set('state', String(authorize.searchParams.get('state')));
    back.searchParams.set('iss', `${origin}/oidc`);
    evil.callback?.(back);
    await fetch(back);
  },
};

async function run(signIn: SignIn, change: Partial<SignInRequest> = {}, signal = AbortSignal.timeout(50_000)) {
  const waited: { url: string; userCode: string | null }[] = [];
  const key = await createGrantKey();
  const token = await signIn({
    origin,
    server: {
      team: { slug: 't', name: 'T' },
      issuer: evil.issuer ?? `${origin}/oidc`,
      clientIds: { desktop: 'desktop', agent: 'agent' },
      signIn: { identityProvider: true, selfEnrolment: true, invites: true },
      demo: false,
      version: '0',
      time: new Date().toISOString(),
    },
    ceremony: CEREMONY,
    key,
    fetch: globalThis.fetch,
    waiting: (where) => waited.push(where),
    signal,
    ...change,
  });
  return { token, key, waited };
}
const inBrowser = () => run(browserSignIn(browser, 'stop'));

describe('signing in with the browser', () => {
  it('uses PKCE S256, a loopback redirect, fresh state and nonce, and names ceremony and key', async () => {
    const { token, key, waited } = await inBrowser();
    expect(token).toEqual({ kind: 'dpop', token: 'access' });
    expect(waited).toEqual([expect.objectContaining({ url: authorize?.href, userCode: null })]);
    const asked = authorize?.searchParams as URLSearchParams;
    expect(asked.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(asked.get('code_challenge_method')).toBe('S256');
    const verifier = tokenRequests[0]?.get('code_verifier') ?? '';
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(asked.get('code_challenge'));
    expect(asked.get('ceremony')).toBe(CEREMONY.id);
    expect(asked.get('dpop_jkt')).toBe(key.thumbprint);
    expect(asked.get('client_id')).toBe('desktop');
    const first = [asked.get('state'), asked.get('nonce'), asked.get('code_challenge')];
    await inBrowser();
    const second = authorize?.searchParams as URLSearchParams;
    expect(
      first.filter((value) => [second.get('state'), second.get('nonce'), second.get('code_challenge')].includes(value)),
    ).toEqual([]);
  });

  const HOSTILE: [string, () => Evil, string][] = [
    ['an issuer on another server', () => ({ issuer: 'https://evil.example/oidc' }), 'server-not-muster'],
    ['an issuer over plain http', () => ({ issuer: 'http://inventory.example/oidc' }), 'server-insecure'],
    [
      'a sign-in page on another server',
      () => ({ authorizationEndpoint: 'https://evil.example/auth' }),
      'server-not-muster',
    ],
    ['discovery that redirects', () => ({ discovery: 'redirect' }), 'captive-portal'],
    ['discovery that is a page', () => ({ discovery: 'html' }), 'server-not-muster'],
    ['discovery that names another issuer', () => ({ discovery: 'other issuer' }), 'sign-in-failed'],
    ['discovery that fails', () => ({ discovery: '500' }), 'unavailable'],
    [
      'the issuer of another server in the answer (mix-up)',
      () => ({ callback: (url) => url.searchParams.set('iss', 'https://evil.example') }),
      'sign-in-failed',
    ],
    ['no issuer in the answer', () => ({ callback: (url) => url.searchParams.delete('iss') }), 'sign-in-failed'],
    ['a swapped nonce', () => ({ nonce: 'of somebody else' }), 'sign-in-failed'],
    ['an ID token for another client', () => ({ audience: 'other' }), 'sign-in-failed'],
    ['an ID token of another issuer', () => ({ idTokenIssuer: 'https://evil.example' }), 'sign-in-failed'],
    ['an ID token that is over', () => ({ expired: true }), 'clock-skew'],
    ['an ID token without a signature', () => ({ alg: 'none' }), 'sign-in-failed'],
    ['an ID token signed with another key', () => ({ alg: 'other key' }), 'sign-in-failed'],
    ['an ID token signed with the public key', () => ({ alg: 'HS256' }), 'sign-in-failed'],
    ['a token that is not bound', () => ({ tokenType: 'Bearer' }), 'sign-in-failed'],
    ['a token endpoint that fails', () => ({ tokenStatus: 503 }), 'unavailable'],
    ['a person who refuses', () => ({ callback: (url) => denied(url) }), 'sign-in-cancelled'],
    ['a server that says why', () => ({ callback: (url) => denied(url, 'self-enrolment-off') }), 'self-enrolment-off'],
  ];
  for (const [name, make, code] of HOSTILE) {
    it(`refuses ${name}: ${code}`, async () => {
      evil = make();
      await expect(inBrowser()).rejects.toMatchObject({ code });
    });
  }

  function denied(url: URL, description?: string) {
    url.searchParams.delete('code');
    url.searchParams.set('error', 'access_denied');
    if (description) url.searchParams.set('error_description', description);
  }

  it('ends when it is cancelled, and leaves no port open', async () => {
    const controller = new AbortController();
    let redirect = '';
    const idle = {
      open: async (url: string) => {
        redirect = String(new URL(url).searchParams.get('redirect_uri'));
        controller.abort(new AppError('sign-in-cancelled', 'Cancelled.'));
      },
    };
    await expect(run(browserSignIn(idle, 'wait'), {}, controller.signal)).rejects.toMatchObject({
      code: 'sign-in-cancelled',
    });
    await expect(fetch(redirect)).rejects.toThrow();
  });

  it('goes on waiting where no browser opens but a person can copy the address', async () => {
    const broken = {
      open: async (url: string) => {
        setTimeout(() => browser.open(url).catch(() => undefined), 20);
        throw new AppError('browser-not-opened', 'No browser.');
      },
    };
    expect((await run(browserSignIn(broken, 'wait'))).token.token).toBe('access');
    await expect(run(browserSignIn({ open: broken.open }, 'stop'))).rejects.toMatchObject({
      code: 'browser-not-opened',
    });
  });
});

describe('signing in with a code', () => {
  it('shows the code and polls until the person is done', async () => {
    evil = { deviceAnswers: ['authorization_pending', 'authorization_pending'] };
    const { token, waited } = await run(deviceCodeSignIn());
    expect(token.token).toBe('access');
    expect(waited).toEqual([expect.objectContaining({ userCode: 'BCDF-GHJK', url: `${origin}/oidc/page` })]);
    expect(JSON.stringify(waited)).not.toContain('secret-device-code');
  });

  for (const [answer, code] of [
    ['access_denied', 'sign-in-cancelled'],
    ['expired_token', 'sign-in-timeout'],
    ['invalid_grant', 'sign-in-failed'],
  ] as const) {
    it(`tells ${answer} apart: ${code}`, async () => {
      evil = { deviceAnswers: [answer] };
      await expect(run(deviceCodeSignIn())).rejects.toMatchObject({ code });
    });
  }

  it('sends nobody to a page on another server', async () => {
    evil = { devicePage: 'https://evil.example/device' };
    await expect(run(deviceCodeSignIn())).rejects.toMatchObject({ code: 'server-not-muster' });
  });
});

describe('the loopback listener', () => {
  async function listening(signal = AbortSignal.timeout(60_000)) {
    const page = { en: { title: 'Done <b>', text: 'x' }, de: { title: 'Fertig <b>', text: 'y' } };
    return listenOnLoopback({ path: '/callback', state: 'the state', page, signal });
  }
  const raw = (port: number, text: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.end(text));
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve(answer));
    });

  it('takes exactly the one request it waits for; everything else neither ends nor spends the wait', async () => {
    const listener = await listening();
    try {
      const { port } = new URL(listener.redirectUri);
      const good = `/callback?state=the%20state&code=1`;
      const wrong = [
        [`GET /callback?state=other&code=1 HTTP/1.1`, `127.0.0.1:${port}`],
        [`GET /callback?code=1 HTTP/1.1`, `127.0.0.1:${port}`],
        [`GET /other?state=the%20state HTTP/1.1`, `127.0.0.1:${port}`],
        [`GET /callback/?state=the%20state HTTP/1.1`, `127.0.0.1:${port}`],
        [`POST ${good} HTTP/1.1`, `127.0.0.1:${port}`],
        [`GET ${good} HTTP/1.1`, `evil.example:${port}`],
        [`GET ${good} HTTP/1.1`, `localhost:${port}`],
        [`GET http://evil.example${good} HTTP/1.1`, `127.0.0.1:${port}`],
      ];
      for (const [line, host] of wrong) {
        expect(
          await raw(Number(port), `${line}\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`),
        ).toMatch(/^HTTP\/1.1 404/);
      }
      const answer = await fetch(`${listener.redirectUri}?state=the%20state&code=1`);
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      const page = await answer.text();
      expect(page).toContain('Done &lt;b&gt;');
      expect(page).not.toMatch(/script|code=1/);
      expect((await listener.callback).searchParams.get('code')).toBe('1');
      expect((await fetch(`${listener.redirectUri}?state=the%20state&code=2`)).status).toBe(404);
    } finally {
      await listener.close();
    }
  });

  it('speaks the language of the browser', async () => {
    const listener = await listening();
    try {
      const answer = await fetch(`${listener.redirectUri}?state=the%20state`, {
        headers: { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5' },
      });
      const page = await answer.text();
      expect(page).toContain('<html lang="de">');
      expect(page).toContain('Fertig &lt;b&gt;');
    } finally {
      await listener.close();
    }
  });

  it('listens on this machine only', async () => {
    const listener = await listening();
    expect(new URL(listener.redirectUri).hostname).toBe('127.0.0.1');
    await listener.close();
    await expect(fetch(listener.redirectUri)).rejects.toThrow();
  });
});
