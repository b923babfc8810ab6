import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Grant } from '../../contract/index.ts';
import { createInvite } from '../setUp.ts';
import { hashOf } from '../store/ids.ts';
import { createBrowser } from '../testing/browser.ts';
import { createGrantKey, dpopProof } from '../testing/grantKey.ts';
import { startIdentityProvider } from '../testing/identityProvider.ts';
import { startWorld, type World } from '../testing/world.ts';

const ADA = { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada' };
const FORM = 'urn:ietf:params:oauth:grant-type:device_code';

/** A command line on a machine without a browser, up to each point where something can be refused. */
async function atDevice(world: World, invite: string | undefined) {
  const device = world.newDevice('ada-server');
  const key = createGrantKey();
  const ceremony = await world.announce(device, key);
  const started = await fetch(`${world.origin}/oidc/device/auth`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: 'agent',
      scope: 'openid',
      ceremony: ceremony.id,
      dpop_jkt: key.thumbprint,
      ...(invite === undefined ? {} : { invite }),
    }),
  });
  const answer = (await started.json()) as Record<string, string>;
  const poll = async () => {
    const url = `${world.origin}/oidc/token`;
    const body = new URLSearchParams({ grant_type: FORM, device_code: answer.device_code ?? '', client_id: 'agent' });
    const proof = await dpopProof(key, { method: 'POST', url, issuedAt: Math.floor(world.clock() / 1000) });
    const token = await fetch(url, { method: 'POST', headers: { dpop: proof }, body });
    return (await token.json()) as Record<string, string>;
  };
  /** The person types the code in some browser; answers the page that they end on. */
  const typeCode = async (cookies: string[] = []) => {
    const browser = createBrowser(world.origin, cookies);
    const typed = await browser.open(new URL(answer.verification_uri ?? '').pathname);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(typed.text)?.[1] ?? '';
    await browser.submit('/oidc/device', { xsrf, user_code: answer.user_code ?? '' });
    const page = await browser.submit('/oidc/device', { xsrf, user_code: answer.user_code ?? '', confirm: 'yes' });
    return {
      page,
      decide: (decision: 'accept' | 'refuse') => browser.submit(`${page.path}/decision`, { decision }),
    };
  };
  const grant = async () => {
    const token = (await poll()).access_token ?? '';
    const walk = { device, key, ceremony, grant: '' };
    return { ...walk, grant: Grant.parse((await world.grantFor(key, token, ceremony.id)).body).grant };
  };
  return { device, ceremony, answer, poll, typeCode, grant };
}

const invite = (world: World, email = 'ada@example.com', days = 1) =>
  createInvite(world.server.store, { email, days }, world.clock());
const rowOf = (world: World, id: string) =>
  world.server.store.db.selectFrom('invites').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const actions = async (world: World) =>
  (await world.server.store.db.selectFrom('audit').select(['action', 'outcome', 'code']).execute()).map(
    ({ action, outcome, code }) => [action, outcome, code].filter(Boolean).join(' '),
  );

describe('an invite that the command line sends, with an identity provider', () => {
  let idp: Awaited<ReturnType<typeof startIdentityProvider>>;
  let world: World;
  beforeAll(async () => {
    idp = await startIdentityProvider();
    world = await startWorld({ server: { identityProvider: idp.options }, settings: { selfEnrolment: false } });
  });
  afterAll(async () => {
    await world.close();
    await idp.close();
  });
  beforeEach(() => idp.person(ADA));

  it('lets the invited person confirm in any browser, and is spent by the enrolment only', async () => {
    const made = await invite(world);
    const at = await atDevice(world, made.secret);
    expect(await rowOf(world, made.id)).toMatchObject({ used_at: null, opened_at: expect.any(Number) });
    expect((await at.poll()).error).toBe('authorization_pending');
    const { page, decide } = await at.typeCode();
    for (const text of ['ada@example.com', 'ada-server', at.ceremony.code]) expect(page.text).toContain(text);
    await decide('accept');
    const walk = await at.grant();
    const chain = await world.activate(walk);
    // A failed enrolment does not burn it.
    expect((await world.submit(walk, chain, { origin: 'https://elsewhere.example' })).status).toBeGreaterThan(399);
    expect((await rowOf(world, made.id)).used_at).toBeNull();
    expect((await world.submit(walk, chain)).status).toBe(201);
    expect((await rowOf(world, made.id)).used_at).not.toBeNull();
    expect(await actions(world)).toEqual(
      expect.arrayContaining(['invite.opened done', 'ceremony.confirmed done', 'grant.made done']),
    );
    // Used: another machine gets no code for it.
    expect((await atDevice(world, made.secret)).answer).toMatchObject({ error_description: 'invite-refused' });
  });

  it('is not enough by itself: another person who signs in is refused, and it stays whole', async () => {
    const made = await invite(world);
    const at = await atDevice(world, made.secret);
    idp.person({ sub: 'mallory', email: 'mallory@example.com', email_verified: true });
    const { page } = await at.typeCode();
    expect(page.text).not.toContain(at.ceremony.code);
    expect(await at.poll()).toMatchObject({ error: 'access_denied', error_description: 'invite-refused' });
    expect(await actions(world)).toContain('ceremony.refused refused invite-refused');
    // Also where people may enrol without one: what the device sent has to hold.
    await world.change({ selfEnrolment: true });
    const again = await atDevice(world, made.secret);
    await again.typeCode();
    expect((await again.poll()).error_description).toBe('invite-refused');
    await world.change({ selfEnrolment: false });
    expect((await rowOf(world, made.id)).used_at).toBeNull();
  });

  it('needs a verified address', async () => {
    const made = await invite(world);
    const at = await atDevice(world, made.secret);
    idp.person({ sub: 'ada-2', email: 'ada@example.com', email_verified: false });
    expect((await at.typeCode()).page.text).toContain('has not verified');
    expect((await at.poll()).error).toBe('authorization_pending');
  });

  it('is refused alike when it is unknown, expired, revoked or no invite at all', async () => {
    const known = await invite(world);
    const [expired, revoked] = [await invite(world), await invite(world)];
    const { db } = world.server.store;
    await db.updateTable('invites').set({ expires_at: 1 }).where('id', '=', expired.id).execute();
    await db.updateTable('invites').set({ revoked_at: 1 }).where('id', '=', revoked.id).execute();
    const forged = `${known.secret.slice(0, -1)}${known.secret.endsWith('a') ? 'b' : 'a'}`;
    const answers = [];
    // The stored hash is no secret: whoever reads a backup of the store cannot present it.
    for (const secret of [expired.secret, revoked.secret, forged, 'x', hashOf(known.secret)])
      answers.push((await atDevice(world, secret)).answer);
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ error: 'access_denied', error_description: 'invite-refused' })]),
    );
  });

  it('is looked at again at the decision: revoked in between, it no longer counts', async () => {
    const made = await invite(world);
    const at = await atDevice(world, made.secret);
    const { decide } = await at.typeCode();
    await world.server.store.db.updateTable('invites').set({ revoked_at: 1 }).where('id', '=', made.id).execute();
    await decide('accept');
    expect((await at.poll()).error_description).toBe('invite-refused');
  });

  it('is kept hashed, and stands in no address', async () => {
    const made = await invite(world);
    const at = await atDevice(world, made.secret);
    await at.typeCode();
    const rows = await world.server.store.db.selectFrom('oidc_rows').select('payload').execute();
    const kept = rows.map(({ payload }) => payload).join('\n');
    expect(kept).not.toContain(made.secret);
    expect(kept).toContain(hashOf(made.secret));
    for (const name of ['invite', 'ceremony'])
      expect(new URL(at.answer.verification_uri_complete ?? world.origin).searchParams.get(name)).toBeNull();
    for (const value of [made.secret, hashOf(made.secret)]) {
      const query = new URLSearchParams({
        client_id: 'desktop',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: 'http://127.0.0.1:1/callback',
        code_challenge: 'A'.repeat(43),
        code_challenge_method: 'S256',
        state: 'state',
        ceremony: at.ceremony.id,
        invite: value,
      });
      const opened = await fetch(`${world.origin}/oidc/auth?${query}`, { redirect: 'manual' });
      expect(opened.headers.get('location') ?? '').toContain('error=invalid_request');
    }
  });
});

describe('an invite that the command line sends, without an identity provider', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ settings: { selfEnrolment: false } });
  });
  afterAll(() => world.close());

  it('says who signs in, and a person still confirms', async () => {
    const made = await invite(world, 'bob@example.com');
    const at = await atDevice(world, made.secret);
    const { page, decide } = await at.typeCode();
    for (const text of ['bob@example.com', at.ceremony.code]) expect(page.text).toContain(text);
    await decide('accept');
    const walk = await at.grant();
    const enrolled = await world.submit(walk, await world.activate(walk));
    expect(enrolled.status, enrolled.text).toBe(201);
    expect((await rowOf(world, made.id)).used_at).not.toBeNull();
  });

  it('goes before the one that lies in the browser', async () => {
    const [mine, other] = [await invite(world, 'bob@example.com'), await invite(world, 'eve@example.com')];
    const opened = await world.call('POST', '/api/v1/invites/open', {
      body: { secret: other.secret },
      headers: { origin: world.origin },
    });
    const at = await atDevice(world, mine.secret);
    const { page } = await at.typeCode(opened.headers.getSetCookie());
    expect(page.text).toContain('bob@example.com');
    expect(page.text).not.toContain('eve@example.com');
  });

  it('refused by the person ends the ceremony and leaves it whole', async () => {
    const made = await invite(world, 'bob@example.com');
    const at = await atDevice(world, made.secret);
    await (await at.typeCode()).decide('refuse');
    expect((await at.poll()).error_description).toBe('sign-in-cancelled');
    expect((await rowOf(world, made.id)).used_at).toBeNull();
    expect((await atDevice(world, made.secret)).answer.user_code).toBeTruthy();
  });

  it('is what is missing where the device sent none and the browser has none', async () => {
    const at = await atDevice(world, undefined);
    await at.typeCode();
    expect((await at.poll()).error_description).toBe('invite-refused');
  });
});
