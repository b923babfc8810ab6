import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { openKeyEncryptionKey } from '../../server/keys/rotation.ts';
import { addConnection } from '../../server/mdm/connections.ts';
import { createAdministrator } from '../../server/setUp.ts';
import { createSession } from '../../server/store/sessions.ts';
import { createClaimDevice } from '../../server/testing/claimDevice.ts';
import { startWorld, type World } from '../../server/testing/world.ts';

export type Crowd = {
  world: World;
  token: string;
  /** Signs a browser in as the owner of the inventory. */
  signIn(context: BrowserContext): Promise<void>;
  close(): Promise<void>;
};

const OWNER = 'ada@example.com';
const NAMES = ['lena', 'mira', 'tomas', 'jonas', 'piet', 'carl', 'yara', 'olu', 'ines', 'kofi'];
const MODELS = ['thinkpad', 'xps', 'framework', 'elitebook', 'latitude'];

/** The identifier of a made-up device: a hash that no other number has. */
export const crowdUrn = (number: number): string =>
  `urn:ek:sha256:${Buffer.from(
    new Uint8Array(32)
      .fill(7)
      .with(0, number % 256)
      .with(1, number >> 8),
  ).toString('base64')}`;

/** A real server with so many imported devices that wait for a decision, and a little of everything else that an administrator meets. */
export async function startCrowd(options: { devices: number; consoleFolder: string }): Promise<Crowd> {
  const world = await startWorld({ server: { consoleFolder: options.consoleFolder } });
  const { server } = world;
  const token = await world.token(
    'devices:read',
    'devices:write',
    'devices:decide',
    'people:write',
    'settings:read',
    'settings:write',
  );
  const owner = await createAdministrator(server.store, { email: OWNER, displayName: 'Ada Brandt', role: 'owner' });
  const waiting = { allowed: true, autoApproved: false, userBindingRequired: false };
  await world.api(token, 'PATCH', '/api/v1/settings', {
    name: 'Nordlicht Studio',
    sources: { 'Smallstep API': waiting },
  });
  for (let number = 0; number < options.devices; number += 1) {
    const name = NAMES[number % NAMES.length] ?? '';
    const device = {
      permanentIdentifier: crowdUrn(number),
      displayName: `${name}-${MODELS[number % MODELS.length]}-${String(number).padStart(3, '0')}`,
      serial: `PF${String(number).padStart(6, '0')}`,
      os: number % 3 === 0 ? 'Windows' : 'Linux',
      ownership: 'company',
      tags: number % 4 === 0 ? ['loaner'] : [],
      user: { email: `${name}${Math.floor(number / 10)}@example.com` },
    };
    const answer = await world.api(token, 'POST', '/api/devices', device, { 'x-smallstep-api-version': '2025-01-01' });
    if (answer.status !== 201) throw new Error(`no import: ${answer.text}`);
  }
  return {
    world,
    token,
    signIn: async (context) => {
      const value = await server.store.write((trx) => createSession(trx, Date.now(), owner.id));
      await context.addCookies([{ name: 'muster-session', value, url: world.origin, httpOnly: true, sameSite: 'Lax' }]);
    },
    close: () => world.close(),
  };
}

/** Adds what only happens now and then: enrolments by people, conflicts of three kinds, a candidate, invites, tokens, an MDM. */
export async function addIncidents({ world, token }: Crowd): Promise<void> {
  const first = world.newDevice('carl-thinkpad');
  await world.enroll(first, 'carl@example.com');
  await world.enroll(first, 'mallory@example.com');
  await world.enroll(world.newDevice('mira-xps'), 'mira@example.com');
  await world.enroll(world.newDevice('ada-framework'), OWNER);
  const imported = {
    permanentIdentifier: 'C02XK1ZHJGH5',
    displayName: 'jonas-macbook',
    os: 'macOS',
    serial: 'C02XK1ZHJGH5',
  };
  const twin = { permanentIdentifier: crowdUrn(60_000), displayName: 'twin', os: 'Linux', serial: 'PF000001' };
  for (const device of [imported, twin]) {
    await world.api(token, 'POST', '/api/devices', device, { 'x-smallstep-api-version': '2025-01-01' });
  }
  await world.claim(createClaimDevice('C02XK1ZHJGH5', 'somebodys-mac'), 'jonas@example.com');
  for (const email of ['new.person@example.com', 'second.person@example.com']) {
    await world.api(token, 'POST', '/api/v1/invites', { email });
  }
  await world.api(token, 'POST', '/api/v1/provisioning-tokens', { name: 'rollout Hamburg', days: 30, maxUses: 400 });
  const file = join(world.folder, 'jamf.json');
  await writeFile(file, '[]');
  const { store } = world.server;
  const kek = await openKeyEncryptionKey(store, world.folder);
  const by = { actor: { type: 'server', id: null, name: 'command line' } as const, requestId: null };
  const jamf = { source: 'Jamf', name: 'Jamf Pro', provider: 'file', settings: { path: file } } as const;
  const gone = { source: 'Intune', name: 'Intune', provider: 'file', settings: { path: `${file}.gone` } } as const;
  for (const connection of [jamf, gone]) {
    await store.write((trx) => addConnection(trx, Date.now(), kek, connection, by));
  }
}
