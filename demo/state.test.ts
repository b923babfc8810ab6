import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, openState } from './state.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-demo-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('people, keys and ports are kept between runs', async () => {
  const first = await openState(folder, undefined);
  const saved = first.saved;
  first.release();
  const second = await openState(folder, undefined);
  expect(second.saved).toEqual(saved);
  second.release();
});

test('a second start on the same state is refused while the first lives', async () => {
  const first = await openState(folder, undefined);
  await writeFile(join(folder, 'lock'), '1'); // a process that surely lives and is not this one
  await expect(openState(folder, undefined)).rejects.toMatchObject({ code: 'already-running' });
  first.release();
});

test('the lock of a process that is gone is taken over', async () => {
  await writeFile(join(folder, 'lock'), '4194304');
  (await openState(folder, undefined)).release();
});

test('a broken state file is named and left as it is', async () => {
  await writeFile(join(folder, 'demo.json'), '{"demo": 1, "people"');
  await expect(openState(folder, undefined)).rejects.toMatchObject({
    code: 'state-unreadable',
    message: expect.stringContaining('demo.json'),
  });
  expect(await readFile(join(folder, 'demo.json'), 'utf8')).toBe('{"demo": 1, "people"');
  // and nothing is left locked
  await rm(join(folder, 'demo.json'));
  (await openState(folder, undefined)).release();
});

test('a port in use is named', async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((listening) => other.listen(port, '127.0.0.1', () => listening()));
  await expect(openState(folder, port)).rejects.toMatchObject({
    code: 'port-in-use',
    message: expect.stringContaining(String(port)),
  });
  await new Promise((closed) => other.close(closed));
});
