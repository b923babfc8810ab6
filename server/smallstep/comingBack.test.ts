import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../contract/index.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

let world: World;
let token: string;
let writer: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:write', 'devices:decide', 'settings:write', 'audit:read');
  writer = await world.token('devices:read', 'devices:write');
});
afterAll(() => world.close());

const OWNER = { 'smallstep:identity': 'ada@example.com' };
const path = (identifier: string) => `/api/collections/default/instances/${encodeURIComponent(identifier)}`;
const put = (identifier: string, data: object = OWNER, bearer = token) =>
  world.api(bearer, 'PUT', path(identifier), { data });
const remove = async (identifier: string) =>
  expect((await world.api(token, 'DELETE', path(identifier))).status).toBe(204);
const api = (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.api(token, method, url, body, headers);
const shown = async (id: string) => (await api('GET', `/api/v1/devices/${id}`)).body as Device;
const match = async (id: string) => ({ 'if-match': `"${(await shown(id)).version}"` });
const lifecycle = async (id: string, to: string) =>
  api('PUT', `/api/v1/devices/${id}/lifecycle`, { lifecycle: to }, await match(id));
const idOf = async (identifier: string) => {
  const rows = await world.server.store.db
    .selectFrom('identifiers')
    .select('device_id')
    .where('identifier', '=', identifier)
    .execute();
  return rows[0]?.device_id ?? expect.fail();
};

describe('a script that removes a device and adds it again', () => {
  it('gets it back as it adds it, without the former values; the device has to enrol anew', async () => {
    const soft = world.newDevice();
    await put(soft.urn, { ...OWNER, rack: 'old' });
    const { id } = deviceOf(await world.enroll(soft));
    expect(await shown(id)).toMatchObject({ assurance: { level: 'high' } });
    await remove(soft.urn);
    expect((await api('GET', path(soft.urn))).status).toBe(404);
    const back = await put(soft.urn, { ...OWNER, rack: 'new' });
    expect(back).toMatchObject({ status: 200, body: { id: soft.urn, data: { ...OWNER, rack: 'new' } } });
    expect(await shown(id)).toMatchObject({
      lifecycle: 'active',
      approval: 'approved',
      attestation: 'none',
      enrolledAt: null,
      assurance: { level: 'normal' },
    });
    expect(codeOf(await world.asDevice(soft, 'GET', '/api/v1/self'))).toBe('device-deleted');
    expect((await api('GET', `/api/v1/audit?subject=${id}&action=device.returned`)).body).toMatchObject({
      records: [{ before: { approval: 'pending' }, after: { approval: 'approved' } }],
    });
    soft.reinstall();
    expect(deviceOf(await world.enroll(soft))).toMatchObject({ id, assurance: { level: 'high' } });
  });

  it('by the devices of the other versions too', async () => {
    const serial = 'C02AGAIN0001';
    const add = () => api('POST', '/api/devices', { permanentIdentifier: serial });
    const { id } = (await add()).body as { id: string };
    expect((await add()).status).toBe(409);
    expect((await api('DELETE', `/api/devices/${id}`)).status).toBe(204);
    expect(await add()).toMatchObject({ status: 201, body: { id } });
  });

  it('needs the scope that it needed to remove it', async () => {
    const soft = world.newDevice();
    await put(soft.urn);
    await remove(soft.urn);
    expect((await put(soft.urn, OWNER, writer)).status).toBe(409);
    expect((await put(soft.urn)).status).toBe(200);
  });
});

describe('what does not come back by it', () => {
  it('a refusal, a quarantine, and what an administrator removed', async () => {
    const [refused, quarantined, removed] = [world.newDevice(), world.newDevice(), world.newDevice()];
    for (const soft of [refused, quarantined, removed]) await put(soft.urn);
    const refusedId = await idOf(refused.urn);
    const decision = { decision: 'refused', reason: 'Stolen.' };
    await api('PUT', `/api/v1/devices/${refusedId}/approval`, decision, await match(refusedId));
    await lifecycle(await idOf(quarantined.urn), 'quarantined');
    await lifecycle(await idOf(removed.urn), 'deleted');
    for (const soft of [refused, quarantined, removed]) {
      await remove(soft.urn);
      expect((await put(soft.urn)).status).toBe(409);
      expect(await shown(await idOf(soft.urn))).toMatchObject({ lifecycle: 'deleted' });
    }
    expect(await shown(refusedId)).toMatchObject({ approval: 'refused' });
  });

  it('what an administrator confirms as removed after the script removed it', async () => {
    const soft = world.newDevice();
    await put(soft.urn);
    await remove(soft.urn);
    expect((await lifecycle(await idOf(soft.urn), 'deleted')).status).toBe(200);
    expect((await put(soft.urn)).status).toBe(409);
  });

  it('a device that came another way', async () => {
    const soft = world.newDevice();
    deviceOf(await world.enroll(soft));
    await remove(soft.urn);
    expect((await put(soft.urn)).status).toBe(409);
    await expect(world.enroll(soft)).rejects.toThrow(/device-deleted/);
  });

  it('an approval: what waited, waits; and what is disputed waits too', async () => {
    const [reinstalled, disputed] = [world.newDevice(), world.newDevice()];
    for (const soft of [reinstalled, disputed]) {
      await put(soft.urn);
      await world.enroll(soft);
    }
    reinstalled.reinstall();
    await world.enroll(reinstalled);
    expect(codeOf(await world.enroll(disputed, 'eve@example.com'))).toBe('device-conflict');
    for (const soft of [reinstalled, disputed]) {
      await remove(soft.urn);
      expect((await put(soft.urn)).status).toBe(200);
      expect(await shown(await idOf(soft.urn))).toMatchObject({ lifecycle: 'active', approval: 'pending' });
    }
  });

  it('anything while the team does not let devices in through the API', async () => {
    const soft = world.newDevice();
    await put(soft.urn);
    await remove(soft.urn);
    const closed = { allowed: false, autoApproved: true, userBindingRequired: false };
    await api('PATCH', '/api/v1/settings', { sources: { 'Smallstep API': closed } });
    try {
      expect((await put(soft.urn)).status).toBe(409);
    } finally {
      await api('PATCH', '/api/v1/settings', { sources: { 'Smallstep API': { ...closed, allowed: true } } });
    }
  });
});
