import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ceremony } from '../../contract/index.ts';
import { createAdministrator, createInvite } from '../setUp.ts';
import { createBrowser } from '../testing/browser.ts';
import { createGrantKey, dpopProof, type GrantKey } from '../testing/grantKey.ts';
import { confused, startIdentityProvider, unsigned } from '../testing/identityProvider.ts';
import { authorization, codeOf, startWorld, type World } from '../testing/world.ts';

let idp: Awaited<ReturnType<typeof startIdentityProvider>>;
let world: World;
const ADA = { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada' };

beforeAll(async () => {
  idp = await startIdentityProvider();
  world = await startWorld({
    server: { identityProvider: idp.options },
    settings: { selfEnrolment: true, name: 'Example Ltd' },
  });
  await createAdministrator(world.server.store, { email: 'owner@example.com', role: 'owner' });
});
afterAll(async () => {
  await world.close();
  await idp.close();
});
beforeEach(async () => {
  idp.turn({});
  idp.person(ADA);
  await world.change({ selfEnrolment: true, allowedDomains: [] });
});

async function announced(): Promise<{ ceremony: Ceremony; key: GrantKey }> {
  const key = createGrantKey();
  return { key, ceremony: await world.announce(world.newDevice('ada-laptop'), key) };
}

describe('a sign-in for an enrolment', () => {
  it('shows team, person, device and code, and ends with a code bound to the key', async () => {
    const { ceremony, key } = await announced();
    const browser = createBrowser(world.origin);
    const flow = authorization(world.origin, ceremony, key);
    const page = await browser.open(flow.path);
    expect(page.status).toBe(200);
    for (const text of ['Example Ltd', 'ada@example.com', 'ada-laptop', ceremony.code])
      expect(page.text).toContain(text);
    const csp = page.headers.get('content-security-policy') ?? '';
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("script-src 'none'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(csp).not.toContain('unsafe');
    expect(page.text).not.toContain('<script');
    const end = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    expect(end.callback?.searchParams.get('iss')).toBe(`${world.origin}/oidc`);
    expect(end.callback?.searchParams.get('state')).toBe('state');
    const code = end.callback?.searchParams.get('code') ?? '';
    expect(((await (await flow.exchange(code, {}, createGrantKey())).json()) as { error: string }).error).toBe(
      'invalid_grant',
    );
  });

  it('gives a code once; a replay revokes what it gave', async () => {
    const { ceremony, key } = await announced();
    const browser = createBrowser(world.origin);
    const flow = authorization(world.origin, ceremony, key);
    const page = await browser.open(flow.path);
    const end = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    const code = end.callback?.searchParams.get('code') ?? '';
    const token = (await (await flow.exchange(code)).json()) as { access_token: string; token_type: string };
    expect(token.token_type).toBe('DPoP');
    expect((await flow.exchange(code)).status).toBe(400);
    expect(codeOf(await world.grantFor(key, token.access_token, ceremony.id))).toBe('unauthenticated');
  });

  it('goes only through PKCE S256, an announced ceremony, its key, and a loopback address', async () => {
    const { ceremony, key } = await announced();
    const open = async (change: Record<string, string | undefined>) => {
      const page = await createBrowser(world.origin).open(authorization(world.origin, ceremony, key, change).path);
      const { callback } = page;
      return callback
        ? `${callback.searchParams.get('error')} ${callback.searchParams.get('error_description')}`
        : `page ${page.status}`;
    };
    expect(await open({ code_challenge: undefined, code_challenge_method: undefined })).toMatch(/^invalid_request/);
    expect(await open({ code_challenge_method: 'plain' })).toMatch(/^invalid_request/);
    expect(await open({ ceremony: undefined })).toMatch(/^invalid_request/);
    expect(await open({ ceremony: crypto.randomUUID() })).toBe('access_denied ceremony-expired');
    expect(await open({ dpop_jkt: createGrantKey().thumbprint })).toBe('access_denied ceremony-expired');
    expect(await open({ redirect_uri: 'http://127.0.0.1:1/elsewhere' })).toBe('page 400');
    expect(await open({ redirect_uri: 'https://evil.example/callback' })).toMatch(/^page 400|^invalid|null/);
  });

  it('can be refused by the person, and takes no decision from another site', async () => {
    const { ceremony, key } = await announced();
    const browser = createBrowser(world.origin);
    const page = await browser.open(authorization(world.origin, ceremony, key).path);
    const foreign = await browser.submit(
      `${page.path}/decision`,
      { decision: 'accept' },
      { 'sec-fetch-site': 'cross-site' },
    );
    expect(foreign.status).toBe(403);
    const elsewhere = await createBrowser(world.origin).submit(`${page.path}/decision`, { decision: 'accept' });
    expect(elsewhere.status).toBe(410);
    const end = await browser.submit(`${page.path}/decision`, { decision: 'refuse' });
    expect(end.callback?.searchParams.get('error_description')).toBe('sign-in-cancelled');
    const again = await createBrowser(world.origin).open(authorization(world.origin, ceremony, key).path);
    expect(again.callback?.searchParams.get('error_description')).toBe('ceremony-expired');
  });

  it('takes a second click for the first: same grant, nothing decided or written twice', async () => {
    for (const together of [false, true]) {
      const { ceremony, key } = await announced();
      const browser = createBrowser(world.origin);
      const flow = authorization(world.origin, ceremony, key);
      const page = await browser.open(flow.path);
      // A browser drops the answer to the first click when the second one is sent.
      const click = () => post(browser, `${page.path}/decision`, 'accept');
      const [first, second] = together ? await Promise.all([click(), click()]) : [await click(), await click()];
      expect([first?.status, second?.status]).toEqual([303, 303]);
      const end = await browser.open(String(second?.location));
      const code = end.callback?.searchParams.get('code') ?? '';
      const { access_token: token } = (await (await flow.exchange(code)).json()) as { access_token: string };
      expect((await world.grantFor(key, token, ceremony.id)).status).toBe(201);
      const confirmed = await world.server.store.db
        .selectFrom('audit')
        .select('id')
        .where('subject_id', '=', ceremony.id)
        .where('action', '=', 'ceremony.confirmed')
        .execute();
      expect(confirmed).toHaveLength(1);
      const late = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
      expect([late.status, late.text]).toEqual([410, expect.stringContaining('Look at the window of Muster')]);
    }
  });

  it('keeps a refusal that is sent twice, and one that follows a confirmation', async () => {
    for (const decisions of [
      ['refuse', 'refuse'],
      ['accept', 'refuse'],
    ] as const) {
      const { ceremony, key } = await announced();
      const browser = createBrowser(world.origin);
      const page = await browser.open(authorization(world.origin, ceremony, key).path);
      await post(browser, `${page.path}/decision`, decisions[0]);
      const { location } = await post(browser, `${page.path}/decision`, decisions[1]);
      const end = await browser.open(String(location));
      expect(end.callback?.searchParams.get('error')).toBe('access_denied');
      expect(end.callback?.searchParams.get('code')).toBeNull();
    }
  });

  /** One answer to the confirm page, without following where it leads. */
  async function post(browser: ReturnType<typeof createBrowser>, path: string, decision: string) {
    const cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    const response = await fetch(`${world.origin}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({ decision }),
    });
    await response.body?.cancel();
    return { status: response.status, location: response.headers.get('location') };
  }

  it('needs an invite for this very address where the team keeps self-enrolment off', async () => {
    await world.change({ selfEnrolment: false });
    const walk = async (cookies: string[] = []) => {
      const { ceremony, key } = await announced();
      const page = await createBrowser(world.origin, cookies).open(authorization(world.origin, ceremony, key).path);
      return page.callback?.searchParams.get('error_description') ?? page.status;
    };
    const inviteFor = async (email: string) => {
      const { secret } = await createInvite(world.server.store, { email }, world.clock());
      const opened = await world.call('POST', '/api/v1/invites/open', {
        body: { secret },
        headers: { origin: world.origin },
      });
      return opened.headers.getSetCookie();
    };
    expect(await walk()).toBe('self-enrolment-off');
    expect(await walk(await inviteFor('bob@example.com'))).toBe('invite-refused');
    expect(await walk(['muster-invite=muster_invite_forged'])).toBe('invite-refused');
    expect(await walk(await inviteFor('Ada@Example.com'))).toBe(200);
  });

  it('is refused for a closed way in', async () => {
    const closed = { allowed: false, autoApproved: false, userBindingRequired: true };
    const { sources } = await world.server.context.settings();
    await world.change({ sources: { ...sources, 'End-User': closed } });
    const { ceremony, key } = await announced();
    const page = await createBrowser(world.origin).open(authorization(world.origin, ceremony, key).path);
    expect(page.callback?.searchParams.get('error_description')).toBe('source-not-allowed');
    await world.change({ sources });
  });
});

describe('invite links', () => {
  it('open only from their own page, and only while they hold', async () => {
    const { secret } = await createInvite(world.server.store, { email: 'ada@example.com', days: 1 }, world.clock());
    const open = (headers: Record<string, string>, body: unknown = { secret }) =>
      world.call('POST', '/api/v1/invites/open', { body, headers });
    expect(codeOf(await open({ 'sec-fetch-site': 'cross-site' }))).toBe('forbidden');
    expect(codeOf(await open({ origin: world.origin }, { secret: `${secret}x` }))).toBe('invite-refused');
    const cookie = (await open({ origin: world.origin })).headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Lax/i);
    const page = await world.call('GET', '/invite');
    expect(page.text).not.toContain(secret);
    world.advance(86_400_000 + 1000);
    expect(codeOf(await open({ origin: world.origin }))).toBe('invite-refused');
  });
});

describe('the device flow', () => {
  it('ends on the same confirm page, with a token for the agent', async () => {
    const { ceremony, key } = await announced();
    const begin = await fetch(`${world.origin}/oidc/device/auth`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'agent',
        scope: 'openid',
        ceremony: ceremony.id,
        dpop_jkt: key.thumbprint,
      }),
    });
    const started = (await begin.json()) as { device_code: string; user_code: string; verification_uri: string };
    expect(started.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    const url = `${world.origin}/oidc/token`;
    const poll = async () => {
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: started.device_code,
        client_id: 'agent',
      };
      const answer = await fetch(url, {
        method: 'POST',
        headers: { dpop: await dpopProof(key, { method: 'POST', url }) },
        body: new URLSearchParams(form),
      });
      return (await answer.json()) as { access_token?: string; error?: string };
    };
    expect((await poll()).error).toBe('authorization_pending');
    const browser = createBrowser(world.origin);
    const typed = await browser.open(new URL(started.verification_uri).pathname);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(typed.text)?.[1] ?? '';
    const compared = await browser.submit('/oidc/device', { xsrf, user_code: started.user_code });
    expect(compared.text).toContain(started.user_code);
    const page = await browser.submit('/oidc/device', { xsrf, user_code: started.user_code, confirm: 'yes' });
    expect(page.text).toContain(ceremony.code);
    const end = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    expect(end.text).toContain('You can close this page');
    const { access_token: token = '' } = await poll();
    expect((await world.grantFor(key, token, ceremony.id)).status).toBe(201);
  });
});

describe('the console', () => {
  const enter = async () => {
    const browser = createBrowser(world.origin);
    return { browser, page: await browser.open('/console/sign-in') };
  };

  it('opens for an administrator, who becomes the person of this issuer and subject', async () => {
    idp.person({ sub: 'o-1', email: 'owner@example.com', email_verified: true, name: 'Owner' });
    const { browser, page } = await enter();
    expect(page.path).toBe('/console/');
    const secret = browser.cookies.get('muster-session')?.value ?? '';
    const session = await world.call('GET', '/api/v1/session', { headers: { cookie: `muster-session=${secret}` } });
    expect(session.body).toMatchObject({ role: 'owner', user: { email: 'owner@example.com', displayName: 'Owner' } });
    // Another subject with the same address is another person.
    idp.person({ sub: 'o-2', email: 'owner@example.com', email_verified: true });
    expect((await enter()).page.status).toBe(403);
  });

  it('stays closed for everybody else', async () => {
    const { page } = await enter();
    expect(page.status).toBe(403);
    expect(page.text).toContain('not an administrator');
  });

  it('takes a callback only in the browser that began it, and once', async () => {
    expect((await createBrowser(world.origin).open('/sign-in/callback?code=x&state=y')).status).toBe(403);
    const browser = createBrowser(world.origin);
    const begun = await fetch(`${world.origin}/console/sign-in`, { redirect: 'manual' });
    const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const back = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
    const callback = back.headers.get('location') ?? '';
    expect((await browser.open(callback)).status).toBe(403);
    const first = await fetch(callback, { headers: { cookie }, redirect: 'manual' });
    expect(first.status).toBe(403);
    expect(await first.text()).toContain('not an administrator');
    const second = await fetch(callback, { headers: { cookie }, redirect: 'manual' });
    expect(await second.text()).toContain('finished before');
  });
});

describe('a hostile identity provider', () => {
  const outcome = async () => (await createBrowser(world.origin).open('/console/sign-in')).text;
  const HOSTILE: [string, Parameters<typeof idp.turn>[0]][] = [
    ['another issuer in the token', { claims: (claims) => ({ ...claims, iss: 'https://other.example' }) }],
    ['another issuer in the answer', { issuerParameter: 'https://other.example' }],
    ['no issuer in the answer', { issuerParameter: null }],
    ['another audience', { claims: (claims) => ({ ...claims, aud: 'other' }) }],
    [
      'several audiences and another party',
      { claims: (claims) => ({ ...claims, aud: ['muster', 'other'], azp: 'other' }) },
    ],
    ['another nonce', { claims: (claims) => ({ ...claims, nonce: 'other' }) }],
    ['a token that expired', { claims: (claims) => ({ ...claims, exp: Math.floor(Date.now() / 1000) - 600 }) }],
    ['a token that nobody signed', { token: unsigned }],
    ['a token signed with the public key', { token: confused }],
    ['a token without an address', { claims: ({ email: _email, ...claims }) => claims, thin: false }],
  ];

  it.each(HOSTILE)('is refused: %s', async (name, against) => {
    if (name === 'a token without an address') idp.person({ sub: 'ada' });
    idp.turn(against);
    const text = await outcome();
    expect(text).not.toContain('not an administrator');
    expect(text).toMatch(/did not confirm the sign-in|did not say which e-mail address/);
  });

  it('is refused: an address that nobody verified, or of another domain', async () => {
    idp.person({ ...ADA, email_verified: false });
    expect(await outcome()).toContain('has not verified');
    idp.person(ADA);
    await world.change({ allowedDomains: ['example.org'] });
    expect(await outcome()).toContain('cannot sign in here');
  });

  it('does not verify one address by another', async () => {
    idp.person({ sub: 'mallory', email: 'mallory@example.com', email_verified: true });
    idp.turn({ claims: ({ email_verified: _verified, ...claims }) => ({ ...claims, email: 'owner@example.com' }) });
    await outcome();
    const { store } = world.server;
    const row = await store.db.selectFrom('users').select('email').where('subject', '=', 'mallory').executeTakeFirst();
    expect(row?.email).not.toBe('owner@example.com');
    idp.person(ADA);
  });

  it('may send a thin token: userinfo gives the address', async () => {
    idp.turn({ thin: true });
    expect(await outcome()).toContain('not an administrator');
  });
});
