import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DevicePage, shortIdentifier } from '../../contract/index.ts';
import { createAdministrator } from '../setUp.ts';
import { createSession } from '../store/sessions.ts';
import { readEvents } from '../testing/events.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:decide');
});
afterAll(() => world.close());

const enrolled = async (email?: string) => deviceOf(await world.enroll(world.newDevice(), email));
const put = (id: string, body: unknown, headers: Record<string, string> = {}, bearer = token) =>
  world.api(bearer, 'PUT', `/api/v1/devices/${id}/approval`, body, headers);
const etagOf = async (id: string) => (await world.api(token, 'GET', `/api/v1/devices/${id}`)).headers.get('etag') ?? '';

async function sessionOf(email: string, role: 'owner' | 'approver' | 'auditor') {
  const user = await createAdministrator(world.server.store, { email, role });
  const secret = await world.server.store.write((trx) => createSession(trx, world.clock(), user.id));
  return { cookie: `muster-session=${secret}` };
}

describe('a decision', () => {
  it('carries the version that was on the screen', async () => {
    const { id } = await enrolled();
    expect(codeOf(await put(id, { decision: 'approved' }))).toBe('version-required');
    expect(codeOf(await put(id, { decision: 'approved' }, { 'if-match': 'W/"1"' }))).toBe('invalid-request');
    expect(codeOf(await put(id, { decision: 'approved' }, { 'if-match': '"999"' }))).toBe('version-mismatch');
    const etag = await etagOf(id);
    const done = await put(id, { decision: 'approved' }, { 'if-match': etag });
    expect(done.body).toMatchObject({
      approval: 'approved',
      decidedBy: 'test',
      requestedBy: 'ada@example.com',
      assurance: { level: 'high' },
    });
    expect(done.headers.get('etag')).not.toBe(etag);
    expect(codeOf(await put(id, { decision: 'refused', reason: 'late' }, { 'if-match': etag }))).toBe(
      'version-mismatch',
    );
  });

  it('that refuses gives its reason, and the device learns it', async () => {
    const device = world.newDevice();
    const { id } = deviceOf(await world.enroll(device));
    const etag = await etagOf(id);
    expect(codeOf(await put(id, { decision: 'refused' }, { 'if-match': etag }))).toBe('invalid-request');
    await put(id, { decision: 'refused', reason: 'not ours' }, { 'if-match': etag });
    expect(deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'))).toMatchObject({
      approval: 'refused',
      approvalReason: 'not ours',
    });
  });

  it('on a device that is not there is not found', async () => {
    const id = crypto.randomUUID();
    expect(codeOf(await put(id, { decision: 'approved' }, { 'if-match': '"1"' }))).toBe('not-found');
    expect(codeOf(await world.api(token, 'GET', '/api/v1/devices/not-an-id'))).toBe('invalid-request');
  });

  it('is taken for many at once, each with its own result', async () => {
    const [one, two] = [await enrolled(), await enrolled()];
    const answer = await world.api(token, 'POST', '/api/v1/decisions', {
      decision: { decision: 'approved' },
      devices: [
        { id: one.id, version: one.version },
        { id: two.id, version: two.version + 7 },
        { id: crypto.randomUUID(), version: 1 },
      ],
    });
    expect(answer.body).toMatchObject({
      results: [
        { outcome: 'done', device: { approval: 'approved' } },
        { outcome: 'failed', code: 'version-mismatch' },
        { outcome: 'failed', code: 'not-found' },
      ],
    });
  });

  it('is audited with requester and approver apart, and self-approval flagged', async () => {
    const cookie = await sessionOf('kim@example.com', 'approver');
    const { id } = await enrolled('kim@example.com');
    const headers = { ...cookie, 'sec-fetch-site': 'same-origin', 'if-match': await etagOf(id) };
    const answer = await world.call('PUT', `/api/v1/devices/${id}/approval`, {
      body: { decision: 'approved' },
      headers,
    });
    expect(answer.body).toMatchObject({ decidedBy: 'kim@example.com' });
    const row = await world.server.store.db
      .selectFrom('audit')
      .selectAll()
      .where('subject_id', '=', id)
      .where('action', '=', 'device.approved')
      .executeTakeFirstOrThrow();
    expect(JSON.parse(row.after ?? '')).toMatchObject({ selfApproval: true, requestedBy: 'kim@example.com' });
    expect(row.actor_name).toBe('kim@example.com');
  });
});

describe('the list', () => {
  it('walks every device once, filtered, and takes no cursor of another list', async () => {
    for (let i = 0; i < 5; i += 1) await enrolled('lena@example.com');
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = `owner=lena@example.com&limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: DevicePage = DevicePage.parse((await world.api(token, 'GET', `/api/v1/devices?${query}`)).body);
      seen.push(...page.devices.map((device) => device.id));
      if (cursor === '')
        expect(
          codeOf(
            await world.api(token, 'GET', `/api/v1/devices?limit=2&cursor=${encodeURIComponent(page.next ?? '')}`),
          ),
        ).toBe('invalid-request');
      cursor = page.next;
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
    for (const query of ['limit=0', 'limit=1000', 'approval=maybe', 'unknown=1', 'cursor=AAAA', 'search=']) {
      expect(codeOf(await world.api(token, 'GET', `/api/v1/devices?${query}`)), query).toBe('invalid-request');
    }
  });

  it('is searched by name, serial, identifier and owner, literally', async () => {
    const device = world.newDevice('100%_sure');
    const { id } = deviceOf(await world.enroll(device, 'mona@example.com'));
    const find = async (search: string) =>
      DevicePage.parse(
        (await world.api(token, 'GET', `/api/v1/devices?search=${encodeURIComponent(search)}`)).body,
      ).devices.map((d) => d.id);
    const short = shortIdentifier(device.urn);
    for (const search of ['100%_SURE', ' 100% ', 'mona@', 'mona sure', device.urn.slice(14, 30), device.urn, short])
      expect(await find(search), search).toContain(id);
    for (const search of ['1__%', 'ona@', '%', '"', 'mona nobody', '100"*'])
      expect(await find(search), search).not.toContain(id);
  });
});

describe('who may do what', () => {
  it('follows the scopes of a token', async () => {
    const reader = await world.token('devices:read');
    const { id } = await enrolled();
    expect((await world.api(reader, 'GET', `/api/v1/devices/${id}`)).status).toBe(200);
    expect(codeOf(await put(id, { decision: 'approved' }, { 'if-match': '"1"' }, reader))).toBe('forbidden');
    expect(codeOf(await world.api(`${reader.slice(0, -1)}!`, 'GET', '/api/v1/devices'))).toBe('unauthenticated');
    expect(codeOf(await world.api(reader, 'GET', '/api/v1/session'))).toBe('forbidden');
    world.advance(91 * 86_400_000);
    expect(codeOf(await world.api(reader, 'GET', '/api/v1/devices'))).toBe('unauthenticated');
    token = await world.token('devices:read', 'devices:decide');
  });

  it('follows the role of a session, and its page', async () => {
    const auditor = await sessionOf('otto@example.com', 'auditor');
    const { id } = await enrolled();
    expect((await world.call('GET', '/api/v1/session', { headers: auditor })).body).toMatchObject({
      role: 'auditor',
      user: { email: 'otto@example.com' },
    });
    expect((await world.call('GET', `/api/v1/devices/${id}`, { headers: auditor })).status).toBe(200);
    const decide = (headers: Record<string, string>) =>
      world.call('PUT', `/api/v1/devices/${id}/approval`, {
        body: { decision: 'approved' },
        headers: { 'if-match': '"1"', ...headers },
      });
    expect(codeOf(await decide({ ...auditor, 'sec-fetch-site': 'same-origin' }))).toBe('forbidden');
    const approver = await sessionOf('paula@example.com', 'approver');
    expect(codeOf(await decide({ ...approver, 'sec-fetch-site': 'cross-site' }))).toBe('forbidden');
    expect(codeOf(await decide({ ...approver, 'sec-fetch-site': 'same-site' }))).toBe('forbidden');
    expect(codeOf(await decide({ ...approver, origin: 'https://evil.example' }))).toBe('forbidden');
    expect(codeOf(await decide(approver))).toBe('forbidden');
    const form = { ...approver, 'sec-fetch-site': 'same-origin', 'content-type': 'text/plain' };
    expect(codeOf(await decide(form))).toBe('unsupported-media-type');
    expect(codeOf(await decide({ ...approver, 'sec-fetch-site': 'same-origin' }))).toBe('version-mismatch');
  });

  it('ends with the session: by sign-out, by silence, by the account', async () => {
    const headers = await sessionOf('rosa@example.com', 'owner');
    const session = () => world.call('GET', '/api/v1/session', { headers });
    expect((await session()).status).toBe(200);
    const out = await world.call('POST', '/api/v1/session/sign-out', {
      headers: { ...headers, 'sec-fetch-site': 'same-origin' },
    });
    expect(out.status).toBe(204);
    expect(codeOf(await session())).toBe('unauthenticated');
    const silent = await sessionOf('sami@example.com', 'owner');
    world.advance(31 * 60_000);
    expect(codeOf(await world.call('GET', '/api/v1/session', { headers: silent }))).toBe('unauthenticated');
    const gone = await sessionOf('tina@example.com', 'owner');
    await world.server.store.db
      .updateTable('users')
      .set({ active: 0 })
      .where('email', '=', 'tina@example.com')
      .execute();
    expect(codeOf(await world.call('GET', '/api/v1/session', { headers: gone }))).toBe('unauthenticated');
  });
});

it('a change that is refused leaves a record, whatever the route, and one only', async () => {
  const { id } = await enrolled();
  const stale = { 'if-match': '"999"' };
  const refused = async () => {
    const { db } = world.server.store;
    const rows = await db.selectFrom('audit').selectAll().where('subject_id', '=', id).orderBy('seq').execute();
    return rows.filter((row) => row.outcome === 'refused').map((row) => [row.action, row.code, row.actor_name]);
  };
  await world.api(token, 'PUT', `/api/v1/devices/${id}/lifecycle`, { lifecycle: 'deleted' }, stale);
  expect(await refused()).toEqual([['request.refused', 'version-mismatch', 'test']]);
  await put(id, { decision: 'approved' }, stale);
  expect(await refused()).toHaveLength(2);
  // What is faulty was not refused.
  await put(id, { decision: 'approved' });
  await put(id, { decision: 'perhaps' }, stale);
  expect(await refused()).toHaveLength(2);
});

describe('live events for the console', () => {
  const about = (id: string) => (event: { data: unknown }) =>
    (event.data as { device?: { id: string } }).device?.id === id;

  it('name the place to go on from, and replay what was missed', async () => {
    const url = `${world.origin}/api/v1/events`;
    const headers = { authorization: `Bearer ${token}` };
    const stream = await readEvents(url, headers);
    const ready = await stream.next();
    expect(ready.event).toBe('ready');
    const first = await enrolled();
    const heard = await stream.until(about(first.id));
    expect(heard).toMatchObject({ event: 'device', data: { type: 'device' } });
    stream.close();
    const second = await enrolled();
    const resumed = await readEvents(url, { ...headers, 'last-event-id': heard.id });
    await resumed.until(about(second.id));
    const forget = { 'if-match': await etagOf(second.id) };
    expect((await world.api(token, 'DELETE', `/api/v1/devices/${second.id}`, undefined, forget)).status).toBe(204);
    const gone = await resumed.until(({ event }) => event === 'gone');
    expect(gone.data).toEqual({ type: 'gone', id: second.id });
    resumed.close();
  });
});
