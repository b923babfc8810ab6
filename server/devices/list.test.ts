import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Device, DevicePage } from '../../contract/index.ts';
import { deviceOf, startWorld, type World } from '../testing/world.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('devices:read', 'devices:write');
});
afterAll(() => world.close());

const tagged = async (...tags: string[]): Promise<string> => {
  const { id } = deviceOf(await world.enroll(world.newDevice()));
  const { version } = (await world.api(token, 'GET', `/api/v1/devices/${id}`)).body as Device;
  const changed = await world.api(token, 'PATCH', `/api/v1/devices/${id}`, { tags }, { 'if-match': `"${version}"` });
  expect(changed.body).toMatchObject({ tags });
  return id;
};
const withTag = async (tag: string, more: Record<string, string> = {}): Promise<string[]> => {
  const query = new URLSearchParams({ tag, ...more });
  return DevicePage.parse((await world.api(token, 'GET', `/api/v1/devices?${query}`)).body).devices.map(({ id }) => id);
};

it('narrows the list down to one tag, exactly as it is written', async () => {
  const [lab, both, odd] = [await tagged('lab'), await tagged('lab', 'Lab 2'), await tagged('a","lab","b', '%', '[x]')];
  const none = await tagged();
  expect(await withTag('lab')).toEqual([both, lab]);
  expect(await withTag('Lab 2')).toEqual([both]);
  for (const [tag, found] of Object.entries({
    LAB: [],
    la: [],
    '%': [odd],
    '[x]': [odd],
    'a","lab","b': [odd],
    '': null,
  })) {
    if (found === null) expect((await world.api(token, 'GET', `/api/v1/devices?tag=${tag}`)).status).toBe(400);
    else expect(await withTag(tag), tag).toEqual(found);
  }
  expect(await withTag('lab', { lifecycle: 'quarantined' })).toEqual([]);
  expect(await withTag('lab', { limit: '1' })).toEqual([both]);
  const all = DevicePage.parse((await world.api(token, 'GET', '/api/v1/devices')).body).devices;
  expect(all.find(({ id }) => id === none)?.tags).toEqual([]);
});
