import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWorld, type World } from '../testing/world.ts';
import { sweepOutbox } from './outbox.ts';

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.token('people:write');
});
afterAll(() => world.close());

const DAY_MS = 86_400_000;
const outbox = () => join(world.folder, 'outbox');
const sweep = (at = world.clock()) => sweepOutbox(world.server.store.db, outbox(), at);
const letters = async () => (await readdir(outbox())).sort();
const invite = async (email: string): Promise<string> => {
  const answer = await world.api(token, 'POST', '/api/v1/invites', { email });
  expect(answer.body).toMatchObject({ delivery: 'outbox' });
  return (answer.body as { invite: { id: string } }).invite.id;
};

it('letters stay in the outbox while their invite can be used, and no longer; what is no letter stays', async () => {
  expect(await sweep()).toBe(0);
  const [open, revoked, used] = [
    await invite('open@x.test'),
    await invite('revoked@x.test'),
    await invite('used@x.test'),
  ];
  await writeFile(join(outbox(), 'notes.txt'), 'mine');
  expect(await sweep()).toBe(0);
  expect(await letters()).toHaveLength(4);
  await world.api(token, 'DELETE', `/api/v1/invites/${revoked}`);
  const { db } = world.server.store;
  await db.updateTable('invites').set({ used_at: world.clock() }).where('id', '=', used).execute();
  expect(await sweep()).toBe(2);
  expect(await letters()).toEqual([`${open}.eml`, 'notes.txt'].sort());
  expect(await sweep(world.clock() + 30 * DAY_MS)).toBe(1);
  expect(await letters()).toEqual(['notes.txt']);
});
