import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../contract/index.ts';
import { createAdministrator } from '../setUp.ts';
import { hashOf, newId, newSecret } from '../store/ids.ts';
import { createSession } from '../store/sessions.ts';
import { createGrantKey, dpopProof } from '../testing/grantKey.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';
import type { Access } from './context.ts';

let world: World;
const routes: { method: string; url: string; access: Access }[] = [];
beforeAll(async () => {
  world = await startWorld();
  for (const route of world.server.context.routes) {
    if (route.method !== 'HEAD') routes.push(route);
  }
});
afterAll(() => world.close());

/** A concrete path of a route. */
const pathOf = (url: string) => url.replace(/:[a-zA-Z]+/g, '01890000-0000-7000-8000-000000000000').replace('*', 'x');

describe('every route', () => {
  it('says who may call it', () => {
    expect(routes.length).toBeGreaterThan(40);
    for (const { access } of routes) expect(['public', 'administrator', 'device', 'grant']).toContain(access.kind);
  });

  it('is closed to strangers, unless it says that it is open', async () => {
    for (const { method, url, access } of routes) {
      if (access.kind === 'public' || (access.kind === 'grant' && access.otherwise === 'anonymous')) continue;
      const answer = await world.call(method, pathOf(url), method === 'GET' || method === 'DELETE' ? {} : { body: {} });
      expect(answer.status, `${method} ${url}`).toBe(401);
    }
  });

  it.each(Role.options)('of the console is open to %s exactly where the route says so', async (role) => {
    const user = await createAdministrator(world.server.store, { email: `${role}@example.com`, role });
    const secret = await world.server.store.write((trx) => createSession(trx, world.clock(), user.id));
    const headers = { cookie: `muster-session=${secret}`, 'sec-fetch-site': 'same-origin' };
    for (const { method, url, access } of routes) {
      if (access.kind !== 'administrator' || url === '/api/v1/session/sign-out' || url === '/api/v1/events') continue;
      const bodied = method !== 'GET' && method !== 'DELETE';
      const answer = await world.call(method, pathOf(url), { headers, ...(bodied ? { body: {} } : {}) });
      const allowed = access.roles.includes(role);
      expect(answer.status === 403, `${role} ${method} ${url} answered ${answer.status}`).toBe(!allowed);
      expect(answer.status, `${method} ${url}`).toBeLessThan(500);
    }
  });

  it('of the API is open to a token exactly with its scope', async () => {
    const scopes = new Set(
      routes.flatMap(({ access }) => (access.kind === 'administrator' && access.scope ? [access.scope] : [])),
    );
    for (const held of scopes) {
      const bearer = await world.token(held);
      for (const { method, url, access } of routes) {
        if (access.kind !== 'administrator' || url === '/api/v1/events') continue;
        if (held === access.scope && method !== 'GET') continue;
        const bodied = method !== 'GET' && method !== 'DELETE';
        const answer = await world.api(bearer, method, pathOf(url), bodied ? {} : undefined);
        expect(answer.status === 403, `${held} ${method} ${url} answered ${answer.status}`).toBe(held !== access.scope);
      }
    }
  });
});

describe('the reference', () => {
  it('names every operation of the document, without a script', async () => {
    const page = await world.call('GET', '/api/reference');
    const document = (await world.call('GET', '/api/openapi.json')).body as { paths: Record<string, object> };
    expect(Object.keys(document.paths).length).toBeGreaterThan(30);
    for (const path of Object.keys(document.paths)) expect(page.text).toContain(path);
    expect(page.text).not.toContain('<script');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'none'");
    expect((await world.call('GET', '/api/problems')).text).toContain('id="device-conflict"');
  });
});

describe('limits', () => {
  it('stop a stranger, say when to come back, and leave others alone', async () => {
    const limited = await startWorld({ server: { rateLimitFactor: 0.05 } });
    try {
      const body = { permanentIdentifier: 'x', deviceName: 'd', os: 'Linux', keyThumbprint: 'A'.repeat(43) };
      const answers = [];
      for (let i = 0; i < 5; i += 1) answers.push(await limited.call('POST', '/api/v1/ceremonies', { body }));
      const last = answers.at(-1) ?? expect.fail();
      expect(answers[0]?.status).toBe(201);
      expect(codeOf(last)).toBe('rate-limited');
      expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await limited.call('GET', '/api/v1/server')).status).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('stop guesses of tokens', async () => {
    const limited = await startWorld({ server: { rateLimitFactor: 0.05 } });
    try {
      const guess = () => limited.api(newSecret('api'), 'GET', '/api/v1/devices');
      const codes = [];
      for (let i = 0; i < 6; i += 1) codes.push(codeOf(await guess()));
      expect(codes[0]).toBe('unauthenticated');
      expect(codes.at(-1)).toBe('rate-limited');
    } finally {
      await limited.close();
    }
  });

  it('bound a request', async () => {
    const big = await world.call('POST', '/api/v1/ceremonies', { body: { deviceName: 'x'.repeat(300 * 1024) } });
    expect(codeOf(big)).toBe('too-large');
    expect(codeOf(await world.call('GET', `/api/v1/devices/${'x'.repeat(600)}`))).toMatch(/unauthenticated|too-large/);
    const xml = await world.call('POST', '/api/v1/ceremonies', {
      body: '<a/>',
      headers: { 'content-type': 'application/xml' },
    });
    expect(codeOf(xml)).toBe('unsupported-media-type');
    for (const body of ['{', '{"__proto__":{}}', '[]', 'null', '"text"']) {
      expect(codeOf(await world.call('POST', '/api/v1/ceremonies', { body })), body).toBe('invalid-request');
    }
    expect(codeOf(await world.call('GET', '/api/v1/%zz'))).toBe('invalid-request');
    expect(codeOf(await world.call('GET', '/api/v1/nothing'))).toBe('not-found');
  });
});

describe('a provisioning token', () => {
  async function provision(change: Record<string, unknown> = {}) {
    const secret = newSecret('provision');
    const now = world.clock();
    const row = {
      id: newId(now),
      hash: hashOf(secret),
      name: 'fleet',
      created_by: 'test',
      created_at: now,
      expires_at: now + 3_600_000,
    };
    const rest = { max_uses: 1, uses: 0, identifiers: null, last_used_at: null, revoked_at: null, ...change };
    await world.server.store.db
      .insertInto('provisioning_tokens')
      .values({ ...row, ...rest })
      .execute();
    return { secret, id: row.id };
  }
  async function begin(secret: string) {
    const device = world.newDevice();
    const key = createGrantKey();
    const ceremony = await world.announce(device, key);
    const url = `${world.origin}/api/v1/grants`;
    const dpop = await dpopProof(key, { method: 'POST', url, token: secret });
    const answer = await world.call('POST', '/api/v1/grants', {
      body: { ceremonyId: ceremony.id },
      headers: { authorization: `Bearer ${secret}`, dpop },
    });
    return { device, key, ceremony, answer, grant: (answer.body as { grant: string }).grant };
  }

  it('permits an enrolment, counts it when it is done, and decides neither owner nor approval', async () => {
    const { secret, id } = await provision();
    const [one, two] = [await begin(secret), await begin(secret)];
    const self = deviceOf(await world.submit(one, await world.activate(one)));
    expect(self).toMatchObject({ approval: 'pending', owner: null, source: 'Smallstep Agent' });
    expect(codeOf(await world.submit(two, await world.activate(two)))).toBe('provisioning-token-refused');
    expect(codeOf((await begin(secret)).answer)).toBe('provisioning-token-refused');
    const row = await world.server.store.db
      .selectFrom('provisioning_tokens')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.uses).toBe(1);
  });

  it('is refused when it is revoked, expired, for other devices, or sent without a proof', async () => {
    for (const change of [
      { revoked_at: 1 },
      { expires_at: 1 },
      { identifiers: JSON.stringify(['urn:ek:sha256:other']) },
    ]) {
      expect(codeOf((await begin((await provision(change)).secret)).answer)).toBe('provisioning-token-refused');
    }
    const { secret } = await provision();
    const ceremony = await world.announce(world.newDevice(), createGrantKey());
    const bare = await world.call('POST', '/api/v1/grants', {
      body: { ceremonyId: ceremony.id },
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(codeOf(bare)).toBe('proof-refused');
  });
});

describe('what a known caller may not do', () => {
  it('leaves a record of who asked for what; a stranger leaves none', async () => {
    const user = await createAdministrator(world.server.store, { email: 'otto@example.com', role: 'auditor' });
    const secret = await world.server.store.write((trx) => createSession(trx, world.clock(), user.id));
    const headers = { cookie: `muster-session=${secret}`, 'sec-fetch-site': 'same-origin' };
    const weak = await world.token('devices:read');
    const refusals = async () =>
      world.server.store.db
        .selectFrom('audit')
        .select(['actor_name', 'subject_id', 'outcome', 'code'])
        .where('action', '=', 'request.refused')
        .orderBy('seq')
        .execute();
    const before = (await refusals()).length;
    const body = { selfEnrolment: true };
    expect(codeOf(await world.call('PATCH', '/api/v1/settings', { headers, body }))).toBe('forbidden');
    expect(codeOf(await world.api(weak, 'PATCH', '/api/v1/settings', body))).toBe('forbidden');
    expect(codeOf(await world.call('PATCH', '/api/v1/settings', { body }))).toBe('unauthenticated');
    expect((await world.call('GET', '/api/v1/settings', { headers })).status).toBe(200);
    const common = { subject_id: 'PATCH /api/v1/settings', outcome: 'refused', code: 'forbidden' };
    expect((await refusals()).slice(before)).toEqual([
      { actor_name: 'otto@example.com', ...common },
      { actor_name: 'test', ...common },
    ]);
  });
});
