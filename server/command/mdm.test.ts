import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVER_COMMANDS, type ServerCommand } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-mdm-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(command: ServerCommand, values: Record<string, string>) {
  const lines: unknown[] = [];
  const out = (text: string) => {
    lines.push(
      ...text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
  };
  const io = { out, err: () => {}, signal: new AbortController().signal, environment: {} };
  const given = new Map(Object.entries({ store: join(folder, 'store'), ...values }));
  const good = await SERVER_COMMANDS[command](given, io);
  return { good, lines };
}

it('muster server connects a device list and syncs it, also after the keys were sealed anew', async () => {
  const file = join(folder, 'devices.json');
  await writeFile(file, JSON.stringify([{ externalId: 1, serial: 'C02XK1ZHJGH5', name: 'Reception', os: 'macOS' }]));
  await expect(run('mdm connect', { source: 'Nobody', file })).rejects.toMatchObject({ code: 'configuration' });
  expect((await run('mdm connect', { source: 'Jamf', file })).lines).toMatchObject([{ name: 'Jamf', source: 'Jamf' }]);
  await expect(run('mdm connect', { source: 'Jamf', file })).rejects.toMatchObject({ code: 'configuration' });
  expect(await run('sync', {})).toMatchObject({
    good: true,
    lines: [{ connection: 'Jamf', outcome: 'done', added: 1 }],
  });
  await run('rotate-keys', { what: 'sealing' });
  expect(await run('sync', { run: 'full' })).toMatchObject({ good: true, lines: [{ merged: 1, added: 0 }] });
  await rm(file);
  expect(await run('sync', { only: 'Jamf' })).toMatchObject({ good: false, lines: [{ outcome: 'failed' }] });
  await expect(run('sync', { only: 'Intune' })).rejects.toMatchObject({ code: 'configuration' });
});
