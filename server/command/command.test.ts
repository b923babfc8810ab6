import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer } from '../createServer.ts';
import { createMaker, createSoftDevice } from '../testing/softDevice.ts';
import { deviceOf, startWorld, trust } from '../testing/world.ts';
import { SERVER_COMMANDS, type ServerCommand } from './command.ts';

const ROOTS = join(process.env.MUSTER_SHARED_DATA ?? join(import.meta.dirname, '../../../shared/data'), 'tpm-roots');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(command: ServerCommand, values: Record<string, string>, environment: NodeJS.ProcessEnv = {}) {
  let [out, err] = ['', ''];
  const stop = new AbortController();
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
      // `serve` says where it serves, and then runs until it is stopped.
      if (/first owner/.test(text)) stop.abort();
    },
    signal: stop.signal,
    environment,
  };
  const good = await SERVER_COMMANDS[command](new Map(Object.entries(values)), io);
  return { good, out, err };
}

describe('what a command of muster server is given', () => {
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'configuration', message: expect.stringMatching(message) });

  it.each([
    [{ port: 'http' }, /not a port/],
    [{ 'log-level': 'loud' }, /--log-level is one of/],
    [{ console: '/nonexistent-muster' }, /not the folder of a built console/],
    [{ 'trust-proxy': '10.0.0.5, proxy.example' }, /"proxy.example" is not the address/],
    [{ 'trust-proxy': '10.0.0.0/33' }, /not the address of a proxy/],
    [{ 'smtp-file': '/nonexistent-muster' }, /cannot be read/],
    [{ 'smtp-file': import.meta.filename }, /does not hold the address of a mail server/],
    [{ issuer: 'https://id.example', 'client-id': 'x', 'client-secret-file': '/nonexistent-muster' }, /cannot be read/],
  ])('%j is said to be wrong before anything starts', async (values, message) => {
    const store = join(folder, 'never');
    await expect(run('serve', { store, ...values })).rejects.toEqual(refused(message));
    expect(existsSync(store)).toBe(false);
  });

  it.each([
    'verify-evidence',
    'rotate-keys',
    'sync',
  ] as const)('%s makes no store where there is none', async (command) => {
    const store = join(folder, 'absent');
    await expect(run(command, { store })).rejects.toEqual(refused(/There is no store/));
    expect(existsSync(store)).toBe(false);
  });

  it.each([
    ['sync', { run: 'maybe' }, /--run is one of due, full/],
    ['rotate-keys', { what: 'locks' }, /--what is one of/],
    ['set-role', { email: 'ada@example.com', role: 'king' }, /--role is one of/],
    ['set-role', { email: 'ada' }, /not the address of a person/],
  ] as const)('%s refuses %j', async (command, values, message) => {
    const store = join(folder, 'given');
    await run('set-role', { store, email: 'owner@example.com' });
    await expect(run(command, { store, ...values })).rejects.toEqual(refused(message));
  });
});

describe('muster server profile', () => {
  const of = (values: Record<string, string>) =>
    run('profile', { organization: 'Example', out: join(folder, 'muster.mobileconfig'), ...values });
  const file = async (name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };

  it('writes the profile of a file with settings, for its owner alone', async () => {
    const settings = await file('mac.json', '{"ServerUrl":"https://muster.example"}');
    expect(await of({ settings })).toMatchObject({ good: true, out: '', err: expect.stringContaining('is written') });
    const out = join(folder, 'muster.mobileconfig');
    expect(await readFile(out, 'utf8')).toContain('<string>https://muster.example</string>');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
  });

  it('says what is wrong with what it was given', async () => {
    const settings = await file('good.json', '{}');
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'configuration', message: expect.stringMatching(message) });
    await expect(run('profile', { settings })).rejects.toEqual(refused(/--organization/));
    await expect(of({})).rejects.toEqual(refused(/--settings/));
    await expect(of({ settings: join(folder, 'absent') })).rejects.toEqual(refused(/cannot be read/));
    await expect(of({ settings: await file('broken.json', '{') })).rejects.toEqual(refused(/not JSON/));
    await expect(of({ settings: await file('list.json', '[]') })).rejects.toEqual(refused(/no JSON object/));
    await expect(of({ settings: await file('other.json', '{"Unknown":1}') })).rejects.toEqual(refused(/Unknown/));
    await expect(of({ settings, sign: await file('no.p12', 'x') })).rejects.toEqual(refused(/./));
    await expect(of({ settings, out: join(folder, 'no', 'folder') })).rejects.toEqual(refused(/cannot be written/));
  });
});

describe('muster server', () => {
  it('refuses the store of a demo, and serves its own', async () => {
    const store = join(folder, 'demo');
    await (await createServer({ store, demo: true })).close();
    await expect(run('serve', { store, port: '0' })).rejects.toMatchObject({ code: 'store-is-demo' });
    await expect(createServer({ store: join(folder, 'x'), demo: true, host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'demo-needs-loopback',
    });
    await expect(
      createServer({ store: join(folder, 'x'), demo: true, origin: 'https://inventory.example' }),
    ).rejects.toMatchObject({ code: 'demo-needs-loopback' });
    await expect(
      createServer({ store: join(folder, 'x'), demo: false, origin: 'http://inventory.example' }),
    ).rejects.toMatchObject({ code: 'configuration' });
    const own = await run('serve', { store: join(folder, 'own'), port: '0', 'log-level': 'silent' });
    expect(own.err).toMatch(/\/setup#muster_setup_/);
    const demo = createServer({ store: join(folder, 'own'), demo: true });
    await expect(demo).rejects.toMatchObject({ code: 'store-is-production' });
  });

  it('says when its port is taken, and when its store is in use', async () => {
    const first = await createServer({ store: join(folder, 'first'), demo: false });
    const port = Number(new URL(first.origin).port);
    await expect(createServer({ store: join(folder, 'second'), demo: false, port })).rejects.toMatchObject({
      code: 'port-in-use',
    });
    await expect(createServer({ store: join(folder, 'first'), demo: false })).rejects.toMatchObject({
      code: 'store-in-use',
    });
    await first.close();
  });

  it('prints its OpenAPI document', async () => {
    const { out } = await run('openapi', {});
    const document = JSON.parse(out) as { openapi: string; paths: Record<string, unknown> };
    expect(document.openapi).toBe('3.1.0');
    for (const path of ['/api/v1/enrollments', '/api/v1/devices/{id}/approval', '/api/v1/access', '/attest'])
      expect(document.paths).toHaveProperty([path]);
  });

  it('judges evidence again, with new keys and after losing a root', async () => {
    const world = await startWorld();
    try {
      const device = world.newDevice();
      const { id } = deviceOf(await world.enroll(device));
      const { folder: store, server } = world;
      await server.close();
      expect((await run('verify-evidence', { store })).good).toBe(true);
      const before = await readFile(join(store, 'key-encryption.key'), 'utf8');
      await run('rotate-keys', { store });
      expect(await readFile(join(store, 'key-encryption.key'), 'utf8')).not.toBe(before);
      const verified = await run('verify-evidence', { store, id });
      expect(JSON.parse(verified.out)).toMatchObject({ deviceId: id, outcome: 'valid', ekClass: 'hardware' });
      await expect(run('verify-evidence', { store, id: crypto.randomUUID() })).rejects.toMatchObject({
        code: 'not-found',
      });
      // The new issuing authority serves a device whose certificate the old one issued.
      const again = await createServer({ store, demo: false, rateLimitFactor: 100 });
      const signed = await device.sign({ method: 'GET', url: `${again.origin}/api/v1/self` });
      expect((await fetch(`${again.origin}/api/v1/self`, { headers: signed })).status).toBe(200);
      await again.store.db.deleteFrom('trusted_roots').execute();
      await again.close();
      expect((await run('verify-evidence', { store })).good).toBe(false);
    } finally {
      await rm(world.folder, { recursive: true, force: true });
    }
  });

  it('keeps a store whose rotation was cut short', async () => {
    const store = join(folder, 'cut');
    await (await createServer({ store, demo: false })).close();
    const { rename } = await import('node:fs/promises');
    const old = await readFile(join(store, 'key-encryption.key'));
    await run('rotate-keys', { store, what: 'sealing' });
    // As after a power cut between the commit and the renaming of the file.
    await rename(join(store, 'key-encryption.key'), join(store, 'key-encryption.key.next'));
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(store, 'key-encryption.key'), old);
    await (await createServer({ store, demo: false })).close();
    expect(existsSync(join(store, 'key-encryption.key.next'))).toBe(false);
    await writeFile(join(store, 'key-encryption.key'), old);
    await expect(createServer({ store, demo: false })).rejects.toMatchObject({ code: 'configuration' });
  });

  it('names the first owner by a link, once', async () => {
    const world = await startWorld();
    const { newSetupSecret } = await import('../store/firstOwner.ts');
    const [old, secret] = [
      await newSetupSecret(world.server.store, Date.now()),
      await newSetupSecret(world.server.store, Date.now()),
    ];
    const post = (body: unknown, headers: Record<string, string> = { origin: world.origin }) =>
      world.call('POST', '/api/v1/setup', { body, headers });
    expect((await post({ secret: old, email: 'owner@example.com' })).status).toBe(403);
    expect((await post({ secret, email: 'owner@example.com' }, {})).status).toBe(403);
    expect((await post({ secret, email: 'owner@example.com' })).body).toEqual({ email: 'owner@example.com' });
    expect((await post({ secret, email: 'second@example.com' })).status).toBe(403);
    expect(await newSetupSecret(world.server.store, Date.now())).toBeUndefined();
    expect((await world.call('GET', '/setup')).headers.get('content-security-policy')).toContain("script-src 'self'");
    await world.close();
  });

  it('says which path of vendor certificates it cannot read', async () => {
    const from = join(folder, 'absent');
    await expect(run('roots import', { store: join(folder, 'rootless'), from })).rejects.toMatchObject({
      code: 'configuration',
      message: `${from} cannot be read.`,
    });
  });

  it.skipIf(!existsSync(ROOTS))('takes vendor certificates of the manifest only (needs shared data)', async () => {
    const store = join(folder, 'roots');
    await (await createServer({ store, demo: false })).close();
    const { out, good } = await run('roots import', { store, from: ROOTS });
    expect(good).toBe(true);
    expect(out).toMatch(/^\d{2,} vendor certificates added/);
    expect((await run('roots import', { store, from: ROOTS })).out).toMatch(/^0 vendor certificates added/);
  });

  it('trusts a maker only after an administrator said so', async () => {
    const world = await startWorld();
    const maker = createMaker('Unknown Maker');
    const device = createSoftDevice({ maker });
    expect(deviceOf(await world.enroll(device))).toMatchObject({
      ekClass: 'unknown-root',
      ekCertificate: 'unverified',
    });
    await trust(world.server, maker);
    expect(deviceOf(await world.enroll(createSoftDevice({ maker })))).toMatchObject({ ekClass: 'hardware' });
    expect(deviceOf(await world.enroll(createSoftDevice()))).toMatchObject({
      ekClass: 'absent',
      ekCertificate: 'absent',
    });
    await world.close();
  });
});
