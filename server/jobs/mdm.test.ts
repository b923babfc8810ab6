import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadKeyEncryptionKey } from '../keys/keyring.ts';
import { addConnection } from '../mdm/connections.ts';
import { codeOf, startWorld, type World } from '../testing/world.ts';
import { scheduleSyncs } from './mdm.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('settings:read', 'settings:write', 'devices:read');
  const path = join(world.folder, 'devices.json');
  await writeFile(path, JSON.stringify([{ externalId: 1, serial: 'C02XK1ZHJGH5', name: 'Reception', os: 'macOS' }]));
  const kek = await loadKeyEncryptionKey(world.folder, {});
  const by = { actor: { type: 'server', id: null, name: 'test' } as const, requestId: null };
  await world.server.store.write((trx) =>
    addConnection(trx, world.clock(), kek, { source: 'Jamf', name: 'Jamf', provider: 'file', settings: { path } }, by),
  );
});
afterAll(() => world.close());

const connections = async () =>
  (
    (await world.api(token, 'GET', '/api/v1/mdm-connections')).body as {
      connections: { id: string; syncedAt: string | null }[];
    }
  ).connections;

it('a running server syncs by itself, and says when it did', async () => {
  expect(await connections()).toMatchObject([{ name: 'Jamf', provider: 'file', syncedAt: null, lastError: null }]);
  const stop = scheduleSyncs(world.server.context, world.server.app.log, 20);
  try {
    await expect.poll(async () => (await connections())[0]?.syncedAt).toEqual(expect.any(String));
  } finally {
    stop();
  }
  const { body } = await world.api(token, 'GET', '/api/v1/devices?search=c02xk1zhjgh5');
  expect(body).toMatchObject({ devices: [{ name: 'Reception', source: 'Jamf', approval: 'approved' }] });
});

it('syncs at once when an owner asks', async () => {
  const [connection] = await connections();
  const path = `/api/v1/mdm-connections/${connection?.id}/sync`;
  await expect
    .poll(async () => (await world.api(token, 'POST', path)).body)
    .toMatchObject({ outcome: 'done', seen: 1, merged: 1, reason: null });
  expect(codeOf(await world.api(token, 'POST', `/api/v1/mdm-connections/${crypto.randomUUID()}/sync`))).toBe(
    'not-found',
  );
  expect((await world.api(token, 'GET', '/api/v1/mdm-connections')).text).not.toContain('devices.json');
});
