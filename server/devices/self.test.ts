import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEVICE_ATTRIBUTES, eccKey } from '../../attestation/testing/softTpm.ts';
import { Challenge, type SelfDevice, SelfEvent } from '../../contract/index.ts';
import { createAdministrator } from '../setUp.ts';
import { readEvents } from '../testing/events.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

const MINUTE = 60_000;
let world: World;
beforeAll(async () => {
  world = await startWorld({ settings: { acceptedClasses: ['hardware'] } });
});
afterAll(() => world.close());

async function enrolled(email?: string) {
  const device = world.newDevice();
  const self = deviceOf(await world.enroll(device, email));
  return { device, self };
}

async function approve(id: string) {
  const token = await world.token('devices:read', 'devices:decide');
  const shown = await world.api(token, 'GET', `/api/v1/devices/${id}`);
  const etag = shown.headers.get('etag') ?? '';
  return world.api(token, 'PUT', `/api/v1/devices/${id}/approval`, { decision: 'approved' }, { 'if-match': etag });
}

describe('a device that waits', () => {
  it('is told how many people may approve it, and no name of them', async () => {
    const { device, self } = await enrolled('waits@example.com');
    const url = `${world.origin}/api/v1/self`;
    const look = async () =>
      (await world.call('GET', '/api/v1/self', { headers: await device.sign({ method: 'GET', url }) }))
        .body as SelfDevice;
    const before = (await look()).approvers ?? Number.NaN;
    await createAdministrator(world.server.store, { email: 'decider@example.com', role: 'approver' });
    await createAdministrator(world.server.store, { email: 'reader@example.com', role: 'auditor' });
    world.advance(11_000);
    const { approvers, ...rest } = await look();
    expect(approvers).toBe(before + 1);
    expect(JSON.stringify(rest)).not.toContain('decider');
    expect((await approve(self.id)).status).toBe(200);
    expect(await look()).not.toHaveProperty('approvers');
  });
});

describe('requests signed by a device', () => {
  it('are checked for time, replay, body, target and profile', async () => {
    const { device } = await enrolled();
    const url = `${world.origin}/api/v1/self`;
    const get = (headers: Record<string, string>, path = '/api/v1/self') => world.call('GET', path, { headers });
    const signed = await device.sign({ method: 'GET', url });
    expect((await get(signed)).status).toBe(200);
    expect(codeOf(await get(signed))).toBe('proof-refused');
    const of = (created: number) => device.sign({ method: 'GET', url, created: new Date(created) });
    expect(codeOf(await get(await of(world.clock() - 6 * MINUTE)))).toBe('clock-skew');
    expect(codeOf(await get(await of(world.clock() + 6 * MINUTE)))).toBe('clock-skew');
    expect(codeOf(await get(await device.sign({ method: 'GET', url: `${world.origin}/api/v1/self/events` })))).toBe(
      'proof-refused',
    );
    expect(codeOf(await get(await device.sign({ method: 'DELETE', url })))).toBe('proof-refused');
    expect(codeOf(await get(await device.sign({ method: 'GET', url: `${url}?a=1` })))).toBe('proof-refused');
    expect(codeOf(await get(await device.sign({ method: 'GET', url: 'https://relay.example/api/v1/self' })))).toBe(
      'proof-refused',
    );
    expect(codeOf(await get(await device.sign({ method: 'GET', url, nonce: 'short' })))).toBe('proof-refused');
    const other = await device.sign({ method: 'GET', url });
    const renamed = Object.fromEntries(
      Object.entries(other).map(([name, value]) => [name, value.replace('muster=', 'sig1=')]),
    );
    expect(codeOf(await get(renamed))).toBe('proof-refused');
  });

  it('cover the body that arrives', async () => {
    const { device } = await enrolled();
    const url = `${world.origin}/api/v1/self/check-in`;
    const body = JSON.stringify({ machine: { ...device.machine, hostName: 'renamed' } });
    const post = async (headers: Record<string, string>, sent: string) =>
      world.call('POST', '/api/v1/self/check-in', { headers, body: sent });
    const other = JSON.stringify({ machine: { ...device.machine, hostName: 'forged' } });
    expect(codeOf(await post(await device.sign({ method: 'POST', url, body }), other))).toBe('proof-refused');
    expect(codeOf(await post(await device.sign({ method: 'POST', url }), body))).toBe('proof-refused');
    const answer = await post(await device.sign({ method: 'POST', url, body }), body);
    expect(answer.body).toMatchObject({ device: { name: 'renamed' }, reattest: false });
  });

  it('come from known keys only', async () => {
    const stranger = world.newDevice();
    expect(codeOf(await world.asDevice(stranger, 'GET', '/api/v1/self'))).toBe('unauthenticated');
  });
});

describe('the event stream of a device', () => {
  it('tells the state at once, and a decision once it is made', async () => {
    const { device, self } = await enrolled();
    const headers = await device.sign({ method: 'GET', url: `${world.origin}/api/v1/self/events` });
    const events = await readEvents(`${world.origin}/api/v1/self/events`, headers);
    try {
      expect(await events.next()).toMatchObject({
        event: 'device',
        data: { device: { id: self.id, approval: 'pending' } },
      });
      expect((await approve(self.id)).status).toBe(200);
      const told = await events.until(({ data }) => SelfEvent.parse(data).device.approval === 'approved');
      expect(told).toMatchObject({ event: 'device', data: { device: { assurance: { level: 'high' } } } });
    } finally {
      events.close();
    }
  });

  it('is bounded for one device', async () => {
    const { device } = await enrolled();
    const open = async () =>
      readEvents(
        `${world.origin}/api/v1/self/events`,
        await device.sign({ method: 'GET', url: `${world.origin}/api/v1/self/events` }),
      );
    const streams = [await open(), await open(), await open()];
    expect(codeOf(await world.asDevice(device, 'GET', '/api/v1/self/events'))).toBe('rate-limited');
    for (const stream of streams) stream.close();
  });
});

describe('re-attestation', () => {
  const again = async (device: Awaited<ReturnType<typeof enrolled>>['device'], akChain: string[], forge = {}) => {
    const challenge = Challenge.parse((await world.asDevice(device, 'POST', '/api/v1/challenges', {})).body).challenge;
    const proof = device.proof({ origin: world.origin, challenge, boundTo: device.keyId() }, akChain, forge);
    return world.asDevice(device, 'POST', '/api/v1/self/attestations', { proof });
  };

  it('makes a stale device valid again, with fresh evidence', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    const chain = await world.activate(walk);
    const self = deviceOf(await world.submit(walk, chain));
    const { db } = world.server.store;
    await db
      .updateTable('devices')
      .set({ attested_at: world.clock() - 91 * 86_400_000 })
      .where('id', '=', self.id)
      .execute();
    expect(deviceOf(await world.asDevice(device, 'GET', '/api/v1/self')).attestation).toBe('stale');
    expect(deviceOf(await again(device, chain)).attestation).toBe('valid');
    const evidence = await db
      .selectFrom('evidence')
      .select(['purpose', 'outcome'])
      .where('device_id', '=', self.id)
      .execute();
    expect(evidence).toHaveLength(2);
  });

  it('that fails is kept, and marks the device', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    const chain = await world.activate(walk);
    deviceOf(await world.submit(walk, chain));
    expect(codeOf(await again(device, chain, { changedPcr: 1 }))).toBe('quote-mismatch');
    const failed = deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'));
    expect(failed).toMatchObject({ attestation: 'failed', assurance: { level: 'normal' } });
    expect(deviceOf(await again(device, chain)).attestation).toBe('valid');
  });

  it('takes no other keys than the enrolled ones', async () => {
    const device = world.newDevice();
    const walk = await world.begin(device);
    const chain = await world.activate(walk);
    deviceOf(await world.submit(walk, chain));
    const deviceKey = eccKey({ attributes: DEVICE_ATTRIBUTES }, 'P-256', true);
    expect(codeOf(await again(device, chain, { deviceKey }))).toBe('device-key-refused');
  });
});

describe('a device enrols again', () => {
  it('with the same keys and stays what it was', async () => {
    const { device, self } = await enrolled('bea@example.com');
    await approve(self.id);
    const again = deviceOf(await world.enroll(device, 'bea@example.com'));
    expect(again).toMatchObject({ id: self.id, approval: 'approved', assurance: { level: 'high' } });
  });

  it('with new keys after a reinstall: the old ones end, and it waits again', async () => {
    const { device, self } = await enrolled('cem@example.com');
    await approve(self.id);
    const oldHeaders = await device.sign({ method: 'GET', url: `${world.origin}/api/v1/self` });
    device.reinstall();
    const again = deviceOf(await world.enroll(device, 'cem@example.com'));
    expect(again).toMatchObject({ id: self.id, approval: 'pending', conflict: false });
    // The old key signs again: somebody still has it.
    expect(codeOf(await world.call('GET', '/api/v1/self', { headers: oldHeaders }))).toBe('device-conflict');
    expect(deviceOf(await world.asDevice(device, 'GET', '/api/v1/self')).conflict).toBe(true);
    expect(codeOf(await approve(self.id))).toBe('device-conflict');
  });

  it('with new keys and keeps its approval where the team says so', async () => {
    await world.change({ reinstallKeepsApproval: true });
    const { device, self } = await enrolled('dora@example.com');
    await approve(self.id);
    device.reinstall();
    expect(deviceOf(await world.enroll(device, 'dora@example.com'))).toMatchObject({
      id: self.id,
      approval: 'approved',
    });
    await world.change({ reinstallKeepsApproval: false });
  });

  it('for another person: a conflict, and the first binding stays', async () => {
    const { device, self } = await enrolled('emil@example.com');
    expect(codeOf(await world.enroll(device, 'fritz@example.com'))).toBe('device-conflict');
    const still = deviceOf(await world.asDevice(device, 'GET', '/api/v1/self'));
    expect(still).toMatchObject({ id: self.id, owner: { email: 'emil@example.com' }, conflict: true });
    const conflicts = await world.server.store.db
      .selectFrom('conflicts')
      .selectAll()
      .where('device_id', '=', self.id)
      .execute();
    expect(conflicts).toHaveLength(1);
    expect(codeOf(await world.enroll(device, 'fritz@example.com'))).toBe('device-conflict');
    expect(
      await world.server.store.db.selectFrom('conflicts').selectAll().where('device_id', '=', self.id).execute(),
    ).toHaveLength(1);
  });
});

describe('un-enrolling', () => {
  it('ends the keys, keeps the record, and asks for approval when it comes back', async () => {
    const { device, self } = await enrolled('gabi@example.com');
    await approve(self.id);
    expect((await world.asDevice(device, 'DELETE', '/api/v1/self')).status).toBe(204);
    expect(codeOf(await world.asDevice(device, 'GET', '/api/v1/self'))).toBe('device-deleted');
    device.reinstall();
    expect(deviceOf(await world.enroll(device, 'gabi@example.com'))).toMatchObject({
      id: self.id,
      approval: 'pending',
    });
  });

  it('does not escape a refusal', async () => {
    const { device, self } = await enrolled('hans@example.com');
    const token = await world.token('devices:read', 'devices:decide');
    const etag = (await world.api(token, 'GET', `/api/v1/devices/${self.id}`)).headers.get('etag') ?? '';
    await world.api(
      token,
      'PUT',
      `/api/v1/devices/${self.id}/approval`,
      { decision: 'refused', reason: 'lost' },
      { 'if-match': etag },
    );
    expect((await world.asDevice(device, 'DELETE', '/api/v1/self')).status).toBe(204);
    device.reinstall();
    const walk = await world.begin(device, 'hans@example.com');
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', device.attestBody()))).toBe('device-refused');
  });
});

describe('policy at the door', () => {
  it('limits the devices of one person', async () => {
    await world.change({ deviceLimit: 1 });
    deviceOf(await world.enroll(world.newDevice(), 'ida@example.com'));
    expect(codeOf(await world.enroll(world.newDevice(), 'ida@example.com'))).toBe('device-limit');
    await world.change({ deviceLimit: null });
  });

  it('refuses classes that the team refuses', async () => {
    await world.change({ refusedClasses: ['hardware'] });
    const walk = await world.begin(world.newDevice());
    expect(codeOf(await world.withGrant(walk.key, walk.grant, '/attest', walk.device.attestBody()))).toBe('ek-refused');
    await world.change({ refusedClasses: [] });
  });
});
