import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CandidatePage, type Conflict, type Device, shownVersion } from '../../contract/index.ts';
import { createClaimDevice } from '../testing/claimDevice.ts';
import { codeOf, deviceOf, startWorld, type World } from '../testing/world.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:write', 'devices:decide');
});
afterAll(() => world.close());

const api = (method: string, path: string, body?: unknown, match?: string) =>
  world.api(token, method, path, body, match === undefined ? {} : { 'if-match': match });
const shown = async (id: string) => (await api('GET', `/api/v1/devices/${id}`)).body as Device;
/** Something about the device changes that a person who decides would want to see. */
const change = async (id: string, name: string) => {
  const answer = await api('PATCH', `/api/v1/devices/${id}`, { name }, `"${(await shown(id)).version}"`);
  expect(answer.status).toBe(200);
};

describe('a decision over two records names the version of each', () => {
  it('a conflict between two: 412 when either changed, and with one version alone', async () => {
    const [first, second] = [world.newDevice(), world.newDevice()];
    for (const device of [first, second]) device.machine.serial = { value: 'PAIR-00017' };
    const ids = [deviceOf(await world.enroll(first)).id, deviceOf(await world.enroll(second)).id];
    const [record = '', candidate = ''] = ids;
    const path = `/api/v1/conflicts/${(await shown(record)).conflictId}`;
    const resolve = (match?: string) => api('POST', `${path}/resolution`, { resolution: 'reject' }, match);
    const read = async () => {
      const answer = await api('GET', path);
      const conflict = answer.body as Conflict;
      expect(conflict).toMatchObject({ device: { id: record }, candidate: { id: candidate } });
      const etag = answer.headers.get('etag') ?? '';
      expect(etag).toBe(`"${shownVersion(conflict.device, conflict.candidate)}"`);
      return etag;
    };
    expect(codeOf(await resolve())).toBe('version-required');
    expect(codeOf(await resolve(`"${(await shown(record)).version}"`))).toBe('version-mismatch');
    for (const id of ids) {
      const stale = await read();
      await change(id, `renamed ${id}`);
      const answer = await resolve(stale);
      expect([answer.status, codeOf(answer)]).toEqual([412, 'version-mismatch']);
    }
    const etag = await read();
    expect((await resolve(etag)).body).toMatchObject({ state: 'resolved', resolution: 'reject' });
    expect(codeOf(await resolve(etag))).toBe('version-mismatch');
  });

  it('a candidate and its record: 412 when either changed', async () => {
    const serial = 'C02PAIR00001';
    expect((await api('POST', '/api/devices', { permanentIdentifier: serial })).status).toBe(201);
    const { id } = deviceOf(await world.claim(createClaimDevice(serial)));
    const read = async () => {
      const page = CandidatePage.parse((await api('GET', '/api/v1/candidates?limit=200')).body);
      const found = page.candidates.find(({ candidate }) => candidate.id === id);
      if (!found?.device) throw new Error('no candidate');
      return { record: found.device.id, match: `"${shownVersion(found.device, found.candidate)}"` };
    };
    const resolve = (match?: string) =>
      api('POST', `/api/v1/candidates/${id}/resolution`, { resolution: 'merge' }, match);
    const { record } = await read();
    expect(codeOf(await resolve())).toBe('version-required');
    expect(codeOf(await resolve(`"${(await shown(id)).version}"`))).toBe('version-mismatch');
    for (const each of [record, id]) {
      const { match } = await read();
      await change(each, `renamed ${each}`);
      const answer = await resolve(match);
      expect([answer.status, codeOf(answer)]).toEqual([412, 'version-mismatch']);
    }
    expect((await resolve((await read()).match)).body).toMatchObject({ id: record, permanentIdentifier: serial });
    expect(codeOf(await resolve('"1.1"'))).toBe('not-found');
  });
});
