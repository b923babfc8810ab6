import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device, SelfDevice } from '../../contract/index.ts';
import { createClaimDevice } from '../testing/claimDevice.ts';
import { readEvents } from '../testing/events.ts';
import { createGrantKey } from '../testing/grantKey.ts';
import type { SoftDevice } from '../testing/softDevice.ts';
import { startWorld, type World } from '../testing/world.ts';

/** What somebody does who holds a device, a grant or an identifier, and wants more than that. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const scopes = ['devices:read', 'devices:write', 'devices:decide', 'access:read'] as const;
const deviceOf = async (bearer: string, id: string): Promise<Device> =>
  (await world.api(bearer, 'GET', `/api/v1/devices/${id}`)).body as Device;
const idOf = (answer: { body: unknown }) => (answer.body as SelfDevice).id;
const decide = async (bearer: string, id: string, decision: 'approved' | 'refused') => {
  const { version } = await deviceOf(bearer, id);
  const path = `/api/v1/devices/${id}/approval`;
  const answer = await world.api(bearer, 'PUT', path, { decision, reason: 'Why' }, { 'if-match': `"${version}"` });
  expect(answer.status).toBe(200);
};
/** By the organization's own system, for the person who enrols it. */
const imported = async (bearer: string, identifier: string) => {
  const user = { email: 'ada@example.com' };
  const answer = await world.api(bearer, 'POST', '/api/devices', { permanentIdentifier: identifier, user });
  expect(answer.status).toBe(201);
};

test('leaving and coming back is no way around an approval, whatever the policy of the source', async () => {
  const bearer = await world.token(...scopes);
  const device = world.newDevice();
  await imported(bearer, device.urn);
  const id = idOf(await world.enroll(device));
  expect((await deviceOf(bearer, id)).approval).toBe('approved');
  expect((await world.asDevice(device, 'DELETE', '/api/v1/self')).status).toBe(204);
  device.reinstall();
  await world.enroll(device);
  expect(await deviceOf(bearer, id)).toMatchObject({ approval: 'pending', assurance: { level: 'normal' } });
});

test('a reinstalled device that waits cannot leave and come back approved', async () => {
  const bearer = await world.token(...scopes);
  const device = world.newDevice();
  await imported(bearer, device.urn);
  const id = idOf(await world.enroll(device));
  device.reinstall();
  await world.enroll(device);
  expect((await deviceOf(bearer, id)).approval).toBe('pending');
  await world.asDevice(device, 'DELETE', '/api/v1/self');
  device.reinstall();
  await world.enroll(device);
  expect((await deviceOf(bearer, id)).approval).toBe('pending');
});

test('a refused serial number does not come back in other letters', async () => {
  const bearer = await world.token(...scopes);
  const id = idOf(await world.claim(createClaimDevice('C02ABC123456')));
  await decide(bearer, id, 'refused');
  const again = await world.claim(createClaimDevice('C02ABC123456'));
  expect(again.body).toMatchObject({ code: 'device-refused' });
  const other = await world.claim(createClaimDevice('c02abc123456'), 'eve@example.com');
  expect(other.status).toBeGreaterThanOrEqual(400);
});

test('an import does not lift the quarantine of an identifier that was only claimed', async () => {
  const bearer = await world.token(...scopes);
  const id = idOf(await world.claim(createClaimDevice('C02QUARANT1')));
  const { version } = await deviceOf(bearer, id);
  const headers = { 'if-match': `"${version}"` };
  await world.api(bearer, 'PUT', `/api/v1/devices/${id}/lifecycle`, { lifecycle: 'quarantined' }, headers);
  await imported(bearer, 'C02QUARANT1');
  const access = await world.api(bearer, 'GET', '/api/v1/access?device=C02QUARANT1&level=normal');
  expect(access.body).toMatchObject({ allow: false, reasons: [{ code: 'not-active' }] });
});

test("a device's word on its serial number takes no access from another device", async () => {
  const bearer = await world.token(...scopes);
  const victim = world.newDevice('victim');
  await imported(bearer, victim.urn);
  const id = idOf(await world.enroll(victim));
  await world.api(bearer, 'PATCH', `/api/devices/${id}`, { serial: 'VICTIM0001' });
  const access = async () => (await world.api(bearer, 'GET', `/api/v1/access?device=${id}&level=high`)).body;
  expect(await access()).toMatchObject({ allow: true });
  const attacker = world.newDevice('attacker');
  expect((await world.enroll(attacker, 'eve@example.com')).body).toMatchObject({ approval: 'pending' });
  const machine = { ...attacker.machine, serial: { value: 'VICTIM0001' } };
  expect((await world.asDevice(attacker, 'POST', '/api/v1/self/check-in', { machine })).status).toBe(200);
  expect(await access()).toMatchObject({ allow: true });
});

test('a device tells its serial number once, and a refused one changes nothing', async () => {
  const bearer = await world.token(...scopes);
  const device = world.newDevice();
  const id = idOf(await world.enroll(device));
  const tell = (serial: string, hostName = 'bench') =>
    world.asDevice(device, 'POST', '/api/v1/self/check-in', {
      machine: { ...device.machine, hostName, serial: { value: serial } },
    });
  await tell('FIRST00001');
  expect((await deviceOf(bearer, id)).serial).toBe('FIRST00001');
  await tell('SECOND0001');
  expect((await deviceOf(bearer, id)).serial).toBe('FIRST00001');
  await decide(bearer, id, 'refused');
  const { version } = await deviceOf(bearer, id);
  expect((await tell('FIRST00001', 'renamed')).status).toBe(200);
  expect(await deviceOf(bearer, id)).toMatchObject({ name: 'bench', version });
});

const garbage = (device: SoftDevice, challenge: string, chain: string[]) => {
  const proof = device.proof({ origin: world.origin, challenge, boundTo: device.keyId() }, chain);
  return { proof: { ...proof, akPublic: 'AAAA', quote: { ...proof.quote, eventLog: 'A'.repeat(400_000) } } };
};

test('failed attestations do not fill the store', async () => {
  const device = world.newDevice();
  const walk = await world.begin(device);
  const chain = await world.activate(walk);
  const id = idOf(await world.submit(walk, chain));
  for (let i = 0; i < 4; i += 1) {
    const { challenge } = (await world.asDevice(device, 'POST', '/api/v1/challenges', {})).body as {
      challenge: string;
    };
    const answer = await world.asDevice(device, 'POST', '/api/v1/self/attestations', garbage(device, challenge, chain));
    expect(answer.status).toBe(422);
  }
  const bearer = await world.token(...scopes);
  const list = (await world.api(bearer, 'GET', `/api/v1/devices/${id}/evidence`)).body as {
    evidence: { outcome: string }[];
  };
  expect(list.evidence.filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
});

test('a stranger who knows an endorsement key does not push an enrolment out', async () => {
  const bearer = await world.token(...scopes);
  const device = world.newDevice();
  await imported(bearer, device.urn);
  const walk = await world.begin(device);
  const attested = await world.withGrant(walk.key, walk.grant, '/attest', device.attestBody());
  for (let i = 0; i < 6; i += 1) {
    expect((await world.call('POST', '/attest', { body: device.attestBody() })).status).toBe(200);
  }
  const { credential, secret } = attested.body as { credential: string; secret: string };
  const plain = Buffer.from(device.activateCredential(credential, secret)).toString('base64');
  expect((await world.withGrant(walk.key, walk.grant, '/secret', { secret: plain })).status).toBe(200);
});

test('the proofs of one ceremony enrol once, however many come at once', async () => {
  const device = world.newDevice();
  const walk = await world.begin(device);
  const chain = await world.activate(walk);
  const answers = await Promise.all(Array.from({ length: 6 }, () => world.submit(walk, chain)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
});

test('a grant serves no other key', async () => {
  const walk = await world.begin(world.newDevice());
  const answer = await world.withGrant(createGrantKey(), walk.grant, '/api/v1/challenges', {});
  expect(answer.body).toMatchObject({ code: 'proof-refused' });
});

test('a removed device does not attest', async () => {
  const bearer = await world.token(...scopes);
  const device = world.newDevice();
  const walk = await world.begin(device);
  const chain = await world.activate(walk);
  const id = idOf(await world.submit(walk, chain));
  const { challenge } = (await world.asDevice(device, 'POST', '/api/v1/challenges', {})).body as { challenge: string };
  const { version } = await deviceOf(bearer, id);
  await world.api(
    bearer,
    'PUT',
    `/api/v1/devices/${id}/lifecycle`,
    { lifecycle: 'deleted' },
    { 'if-match': `"${version}"` },
  );
  const proof = device.proof({ origin: world.origin, challenge, boundTo: device.keyId() }, chain);
  const answer = await world.asDevice(device, 'POST', '/api/v1/self/attestations', { proof });
  expect(answer.body).toMatchObject({ code: 'device-deleted' });
});

test('a replaced TPM does not speak for the record that took its place', async () => {
  const bearer = await world.token(...scopes);
  const [old, next] = [world.newDevice('laptop'), world.newDevice('laptop')];
  for (const device of [old, next]) device.machine.serial = { value: 'BOARD-9001' };
  const oldId = idOf(await world.enroll(old));
  await decide(bearer, oldId, 'approved');
  const newId = idOf(await world.enroll(next));
  const path = `/api/v1/conflicts/${(await deviceOf(bearer, oldId)).conflictId}`;
  const etag = (await world.api(bearer, 'GET', path)).headers.get('etag') ?? '';
  const merged = await world.api(bearer, 'POST', `${path}/resolution`, { resolution: 'merge' }, { 'if-match': etag });
  expect(merged.status).toBe(200);
  await decide(bearer, newId, 'approved');
  expect((await world.asDevice(next, 'GET', '/api/v1/self')).body).toMatchObject({ assurance: { level: 'high' } });
  expect((await world.asDevice(old, 'GET', '/api/v1/self')).body).toMatchObject({ code: 'device-conflict' });
  old.reinstall();
  expect((await world.enroll(old)).body).toMatchObject({ code: 'device-conflict' });
  expect((await world.asDevice(next, 'GET', '/api/v1/self')).body).toMatchObject({ approval: 'approved' });
});

test('what the team closed between attestation and enrolment stays closed', async () => {
  const [walk, other] = [await world.begin(world.newDevice()), await world.begin(world.newDevice())];
  const [chain, otherChain] = [await world.activate(walk), await world.activate(other)];
  const { sources } = await world.server.context.settings();
  try {
    await world.change({ refusedClasses: ['hardware'] });
    expect((await world.submit(walk, chain)).body).toMatchObject({ code: 'ek-refused' });
    const closed = { ...sources, 'End-User': { ...sources['End-User'], allowed: false } };
    await world.change({ refusedClasses: [], sources: closed });
    expect((await world.submit(other, otherChain)).body).toMatchObject({ code: 'source-not-allowed' });
  } finally {
    await world.change({ refusedClasses: [], sources });
  }
  expect((await world.submit(walk, chain)).status).toBe(201);
});

test('the same device key under a new attestation key goes on speaking', async () => {
  const device = world.newDevice();
  await world.enroll(device);
  const { deviceKey } = device;
  device.reinstall();
  const walk = await world.begin(device);
  const answer = await world.submit(walk, await world.activate(walk), { deviceKey });
  expect(answer.status).toBe(201);
  const row = await world.server.store.db
    .selectFrom('device_keys')
    .select(['revoked_at', 'ak_name'])
    .where('device_id', '=', idOf(answer))
    .execute();
  expect(row).toEqual([{ revoked_at: null, ak_name: Buffer.from(device.ak.name).toString('base64') }]);
});

test('an event stream ends with the key that opened it', async () => {
  const device = world.newDevice();
  await world.enroll(device);
  const url = `${world.origin}/api/v1/self/events`;
  const events = await readEvents(url, await device.sign({ method: 'GET', url, created: new Date(world.clock()) }));
  expect((await events.next()).event).toBe('device');
  device.reinstall();
  await world.enroll(device);
  await expect(events.next()).rejects.toThrow('The stream ended.');
});
