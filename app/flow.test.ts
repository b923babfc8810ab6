import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppSnapshot, type AppState, type ManagedProfile, UserError } from '../contract/index.ts';
import { createClaimSigner, createSoftwareClaimKey } from '../native/index.ts';
import { createApp, type MusterApp } from './app.ts';
import { enrolOnce } from './enrolOnce.ts';
import { AppError } from './errors.ts';
import type { AppOptions } from './options.ts';
import type { Ports } from './ports.ts';
import { provisioningSignIn } from './signIn.ts';
import { type InventoryServer, PROVISIONING_TOKEN, startInventoryServer } from './testing/inventoryServer.ts';
import { claimHardware, hastyClock, memoryStore, testPorts, until } from './testing/ports.ts';

let server: InventoryServer;
const open: MusterApp[] = [];

beforeEach(async () => {
  server = await startInventoryServer();
});
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
  await server.stop();
});

const newHardware = () => claimHardware(createClaimSigner(createSoftwareClaimKey('file')));

function start(ports: Ports, change: Partial<AppOptions> = {}) {
  const app = createApp(ports, {
    version: '1.0.0',
    platform: 'macos',
    host: 'browser',
    serverUrl: server.origin,
    help: { help: 'https://docs.example/help', privacy: 'https://docs.example/privacy' },
    signIn: provisioningSignIn(PROVISIONING_TOKEN),
    ...change,
  });
  open.push(app);
  const snapshots: AppSnapshot[] = [];
  app.bridge.subscribe((snapshot) => snapshots.push(snapshot));
  const kind = () => snapshots.at(-1)?.state.kind;
  const state = <K extends AppState['kind']>(wanted: K) => {
    const last = snapshots.at(-1)?.state;
    if (last?.kind !== wanted) throw new Error(`the state is ${last?.kind}`);
    return last as Extract<AppState, { kind: K }>;
  };
  const reach = (wanted: AppState['kind']) =>
    until(() => {
      const last = snapshots.at(-1)?.state;
      if (last?.kind === 'failed' && wanted !== 'failed') throw new Error(JSON.stringify(last.error));
      return last?.kind === wanted;
    }, wanted);
  return { app, invoke: app.bridge.invoke, snapshots, kind, state, reach };
}

async function enrolled(ports = testPorts(newHardware())) {
  const run = start(ports);
  await run.app.start();
  await run.invoke('prepare', { serverUrl: null });
  await run.reach('review');
  await run.invoke('enroll', {});
  await run.reach('enrolled');
  return { ...run, ports };
}

describe('an enrolment', () => {
  it('shows what will be sent before it sends anything of this device', async () => {
    const run = start(testPorts(newHardware()));
    await run.app.start();
    await run.invoke('prepare', { serverUrl: server.origin });
    await run.reach('review');
    expect(run.state('review').send).toMatchObject({ permanentIdentifier: 'C02XYZ123', tpm: null });
    expect(server.calls).toEqual(['GET /api/v1/server']);
  });

  it('ends enrolled, with nothing left of the ceremony and no bearer secret in the store', async () => {
    const { ports, state } = await enrolled();
    expect(state('enrolled').device.approval).toBe('pending');
    const { values } = ports.store as ReturnType<typeof memoryStore>;
    expect([...values.keys()].sort()).toEqual(['enrollment', 'settings']);
    expect([...values.values()].join('')).not.toMatch(/muster_grant|muster_provision|"d":/);
  });

  it('learns of the approval by its event stream, and remembers it', async () => {
    const { state, ports } = await enrolled();
    await until(() => server.streams.size === 1, 'the event stream');
    server.change({ approval: 'approved' });
    await until(() => state('enrolled').device.approval === 'approved', 'the approval');
    const stored = () => JSON.parse(String((ports.store as ReturnType<typeof memoryStore>).values.get('enrollment')));
    await until(() => stored().device.approval === 'approved', 'the saved approval');
  });

  it('never runs two ceremonies at once', async () => {
    const run = start(testPorts(newHardware()));
    await run.app.start();
    await Promise.all([run.invoke('prepare', { serverUrl: null }), run.invoke('prepare', { serverUrl: null })]);
    await run.reach('review');
    await Promise.all([run.invoke('enroll', {}), run.invoke('enroll', {}), run.invoke('retry', {})]);
    await run.reach('enrolled');
    expect(server.calls.filter((call) => call === 'POST /api/v1/enrollments')).toHaveLength(1);
    expect(server.calls.filter((call) => call === 'POST /api/v1/ceremonies')).toHaveLength(1);
  });

  it('is forgotten by signing out, and ended at the server by unenrolling', async () => {
    const first = await enrolled();
    await first.invoke('signOut', {});
    expect(first.kind()).toBe('signed-out');
    expect(server.devices.size).toBe(1);
    const second = await enrolled();
    await second.invoke('unenroll', {});
    expect(second.kind()).toBe('signed-out');
    expect(server.calls).toContain('DELETE /api/v1/self');
    expect(server.devices.size).toBe(1);
  });

  it('stays enrolled when unenrolling does not reach the server', async () => {
    const { invoke, kind } = await enrolled();
    server.fail('DELETE /api/v1/self', { code: 'unavailable' });
    await expect(invoke('unenroll', {})).rejects.toMatchObject({ code: 'unavailable' });
    expect(kind()).toBe('enrolled');
  });
});

const STEPS = [
  'GET /api/v1/server',
  'POST /api/v1/ceremonies',
  'POST /api/v1/grants',
  'POST /api/v1/challenges',
  'POST /api/v1/enrollments',
] as const;

describe('a network and a server that fail', () => {
  for (const route of STEPS) {
    for (const fault of ['lose the request', 'lose the answer', { code: 'unavailable' }] as const) {
      it(`enrols although ${route} suffers: ${typeof fault === 'string' ? fault : fault.code}`, async () => {
        server.fail(route, fault);
        server.fail(route, fault);
        const { state } = await enrolled();
        expect(state('enrolled').device.name).toBe('workbench');
        expect(server.devices.size).toBe(1);
      });
    }

    it(`enrols after the server was killed at ${route} and started again`, async () => {
      const original = globalThis.fetch;
      let killed = false;
      const fetch: Ports['fetch'] = async (input, init) => {
        if (!killed && `${init?.method} ${new URL(String(input)).pathname}` === route) {
          killed = true;
          await server.stop();
          setTimeout(() => void server.start(), 60);
        }
        return original(input, init);
      };
      const { state } = await enrolled(testPorts(newHardware(), { fetch }));
      expect(killed).toBe(true);
      expect(state('enrolled').device.name).toBe('workbench');
      expect(server.devices.size).toBe(1);
    });

    it(`goes on by itself after the client was killed at ${route}`, async () => {
      const store = memoryStore();
      const hardware = newHardware();
      const original = globalThis.fetch;
      let reached = false;
      const stuck: Ports['fetch'] = (input, init) => {
        if (`${init?.method} ${new URL(String(input)).pathname}` !== route) return original(input, init);
        reached = true;
        return new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
      };
      const first = start(testPorts(hardware, { store, fetch: stuck }));
      await first.app.start();
      await first.invoke('prepare', { serverUrl: null });
      if (route !== STEPS[0]) {
        await first.reach('review');
        await first.invoke('enroll', {});
      }
      await until(() => reached, route);
      const found = memoryStore(store.values);
      const device = await enrolOnce(testPorts(hardware, { store: found }), {
        serverUrl: server.origin,
        version: '1.0.0',
        platform: 'macos',
        signIn: { provisioningToken: PROVISIONING_TOKEN },
        until: 'enrolled',
      });
      expect(device.name).toBe('workbench');
      expect(server.devices.size).toBe(1);
    });
  }

  it('resumes with its grant instead of asking the person again', async () => {
    const store = memoryStore();
    const hardware = newHardware();
    server.fail('POST /api/v1/enrollments', { code: 'device-conflict' });
    const first = start(testPorts(hardware, { store }));
    await first.app.start();
    await first.invoke('prepare', { serverUrl: null });
    await first.reach('review');
    await first.invoke('enroll', {});
    await first.reach('failed');
    const again = start(testPorts(hardware, { store: memoryStore(store.values) }));
    await again.app.start();
    await again.reach('enrolled');
    expect(server.calls.filter((call) => call === 'POST /api/v1/grants')).toHaveLength(1);
  });

  it('asks for a new grant where the server has forgotten the old one', async () => {
    const store = memoryStore();
    const hardware = newHardware();
    server.fail('POST /api/v1/challenges', { code: 'device-conflict' });
    const first = start(testPorts(hardware, { store }));
    await first.app.start();
    await first.invoke('prepare', { serverUrl: null });
    await first.reach('review');
    await first.invoke('enroll', {});
    await first.reach('failed');
    server.forgetGrants();
    await first.invoke('retry', {});
    await first.reach('enrolled');
    expect(server.calls.filter((call) => call === 'POST /api/v1/grants')).toHaveLength(2);
  });

  it('shows the last known device while offline, and comes back by itself', async () => {
    const { snapshots, ports } = await enrolled();
    await until(() => server.streams.size === 1, 'the event stream');
    await server.stop();
    await until(() => snapshots.at(-1)?.connection.kind === 'offline', 'offline');
    const last = snapshots.at(-1);
    expect(last?.state.kind).toBe('enrolled');
    expect(last?.connection).toMatchObject({ kind: 'offline', reason: { code: 'server-unreachable' } });
    expect(last?.connection.kind === 'offline' && last.connection.lastKnownAt).toBeTruthy();
    await server.start();
    await until(() => snapshots.at(-1)?.connection.kind === 'online', 'online again');
    const pauses = (ports.clock as ReturnType<typeof hastyClock>).pauses.filter((ms) => ms < 20_000);
    expect(new Set(pauses).size).toBeGreaterThan(1);
  });
});

describe('refusals, in words that help', () => {
  async function failing(arrange: () => void, change: Partial<AppOptions> = {}, ports = testPorts(newHardware())) {
    arrange();
    const run = start(ports, change);
    await run.app.start();
    await run.invoke('prepare', { serverUrl: null });
    await until(() => run.kind() === 'review' || run.kind() === 'failed', 'review or failure');
    if (run.kind() === 'review') {
      await run.invoke('enroll', {});
      await run.reach('failed');
    }
    const { error } = run.state('failed');
    expect(UserError.safeParse(error).success).toBe(true);
    expect(JSON.stringify(error)).not.toMatch(/muster_|at .*\.ts:/);
    return error;
  }

  it('passes the code, advice and request id of the server through', async () => {
    const error = await failing(() => server.fail('POST /api/v1/enrollments', { code: 'device-limit' }));
    expect(error).toMatchObject({ code: 'device-limit', correlationId: 'request-1' });
    expect(error.advice).toContain('administrator');
  });

  it('names a clock that is wrong', async () => {
    const error = await failing(() => server.setSkew(20 * 60_000));
    expect(error.code).toBe('clock-skew');
    expect(error.detail).toContain('20 minutes behind');
  });

  it('names a captive portal', async () => {
    const page = { status: 200, body: '<!doctype html><title>Hotel</title>', type: 'text/html' };
    const error = await failing(
      () => {
        for (let times = 0; times < 30; times += 1) server.fail('GET /api/v1/server', page);
      },
      {},
      testPorts(newHardware(), { clock: { ...hastyClock(), random: () => 1 } }),
    );
    expect(error.code).toBe('captive-portal');
  }, 30_000);

  it('names a server that is no Muster server', async () => {
    const error = await failing(() =>
      server.fail('GET /api/v1/server', { status: 200, body: '{"hello":1}', type: 'application/json' }),
    );
    expect(error.code).toBe('server-not-muster');
  });

  it('refuses plain http to any other machine, before a byte is sent', async () => {
    const run = start(testPorts(newHardware()));
    await run.app.start();
    await expect(run.invoke('prepare', { serverUrl: 'http://inventory.example' })).rejects.toMatchObject({
      code: 'server-insecure',
    });
    expect(server.calls).toEqual([]);
  });

  it('says that saved state is damaged, and deletes nothing', async () => {
    const store = memoryStore([['enrollment', '{"version":1']]);
    const run = start(testPorts(newHardware(), { store }));
    await run.app.start();
    expect(run.state('failed').error.code).toBe('state-unreadable');
    expect(store.values.get('enrollment')).toBe('{"version":1');
  });

  it('cancels: back to the start, nothing kept, and a late answer changes nothing', async () => {
    const store = memoryStore();
    const original = globalThis.fetch;
    const held = Promise.withResolvers<void>();
    const fetch: Ports['fetch'] = async (input, init) => {
      const answer = await original(input, init);
      if (String(input).endsWith('/api/v1/grants')) await held.promise;
      return answer;
    };
    const run = start(testPorts(newHardware(), { store, fetch }));
    await run.app.start();
    await run.invoke('prepare', { serverUrl: null });
    await run.reach('review');
    await run.invoke('enroll', {});
    await until(() => server.calls.includes('POST /api/v1/grants'), 'the grant');
    setTimeout(held.resolve, 50);
    await run.invoke('cancel', {});
    expect(run.kind()).toBe('signed-out');
    expect(store.values.has('ceremony')).toBe(false);
    expect(server.devices.size).toBe(0);
  });
});

describe('a link to a server', () => {
  it('changes nothing before the person agrees', async () => {
    const run = start(testPorts(newHardware()), { serverUrl: 'https://configured.example' });
    await run.app.start();
    await run.app.askForServer(server.origin);
    expect(run.snapshots.at(-1)?.serverQuestion).toEqual({
      requested: server.origin,
      current: 'https://configured.example',
    });
    expect(server.calls).toEqual([]);
    await run.invoke('answerServerQuestion', { accept: false });
    expect(run.snapshots.at(-1)?.serverQuestion).toBeNull();
    expect(run.snapshots.at(-1)?.settings.serverUrl).toBe('https://configured.example');
    await run.app.askForServer(server.origin);
    await run.invoke('answerServerQuestion', { accept: true });
    await run.reach('review');
    expect(run.state('review').serverUrl).toBe(server.origin);
  });
});

describe('what IT set', () => {
  const managedBy = (profile: ManagedProfile) => {
    const listeners = new Set<() => void>();
    const state = { profile, problems: [] };
    return {
      managed: {
        current: () => state,
        effective: () => undefined,
        strengths: () => ({ serverUrl: 'enforced' as const }),
        refresh: async () => {},
        subscribe: (listener: () => void) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        close: () => {},
      },
      change(next: ManagedProfile) {
        state.profile = next;
        for (const listener of listeners) listener();
      },
    };
  };
  const profile = () => ({ ServerUrl: server.origin, ProvisioningToken: PROVISIONING_TOKEN });
  const byPolicy = { signIn: undefined, serverUrl: undefined };

  it('enrols a machine with nothing to click, and waits for approval without an owner', async () => {
    const run = start(testPorts(newHardware()), { ...byPolicy, managed: managedBy(profile()).managed as never });
    await run.app.start();
    await run.reach('enrolled');
    expect(run.state('enrolled').device.approval).toBe('pending');
    expect(run.snapshots.at(-1)?.managed).toEqual({ serverUrl: 'enforced' });
  });

  it('tries again by itself where the token is refused or the server is away', async () => {
    server.fail('POST /api/v1/grants', { code: 'provisioning-token-refused' });
    const clock = hastyClock();
    const short = { ...clock, sleep: (ms: number, signal?: AbortSignal) => clock.sleep(Math.min(ms, 20_000), signal) };
    const ports = testPorts(newHardware(), { clock: short });
    const run = start(ports, { ...byPolicy, managed: managedBy(profile()).managed as never });
    await run.app.start();
    await until(() => run.kind() === 'enrolled', 'the second try');
    expect(server.calls.filter((call) => call === 'POST /api/v1/grants')).toHaveLength(2);
  });

  it('counts when it arrives later, but not after the person cancelled', async () => {
    const policy = managedBy({});
    const run = start(testPorts(newHardware()), { ...byPolicy, managed: policy.managed as never });
    await run.app.start();
    expect(run.kind()).toBe('signed-out');
    policy.change(profile());
    await run.reach('enrolled');
    await run.invoke('unenroll', {});
    policy.change(profile());
    expect(run.kind()).toBe('signed-out');
  });

  it('cannot be overruled: the enforced server stays, whatever the window or a link says', async () => {
    const run = start(testPorts(newHardware()), { managed: managedBy({ ServerUrl: server.origin }).managed as never });
    await run.app.start();
    await run.app.askForServer('https://other.example');
    expect(run.snapshots.at(-1)?.serverQuestion).toBeNull();
    await run.invoke('prepare', { serverUrl: 'https://other.example' });
    await run.reach('review');
    expect(run.state('review').serverUrl).toBe(server.origin);
  });

  it('stops at a server of another team', async () => {
    const managed = managedBy({ ServerUrl: server.origin, Team: 'another' }).managed as never;
    const run = start(testPorts(newHardware()), { managed });
    await run.app.start();
    await run.invoke('prepare', { serverUrl: null });
    await run.reach('failed');
    expect(run.state('failed').error).toMatchObject({
      code: 'server-not-muster',
      detail: expect.stringContaining('another'),
    });
  });
});

describe('besides the ceremony', () => {
  it('enrols where there is no safe place for secrets, and keeps none', async () => {
    const store = memoryStore();
    const { write } = store;
    store.write = async (name, value, options) => {
      if (options?.secret) throw new AppError('secret-store-unsafe', 'Only plain text here.');
      await write(name, value, options);
    };
    const { state } = await enrolled(testPorts(newHardware(), { store }));
    expect(state('enrolled').device.name).toBe('workbench');
    expect([...store.values.keys()].sort()).toEqual(['enrollment', 'settings']);
  });

  it('keeps what the person chose, and tells the shell', async () => {
    const told: boolean[] = [];
    const store = memoryStore();
    const first = start(testPorts(newHardware(), { store }), {
      onSettings: ({ startAtLogin }) => told.push(startAtLogin),
    });
    await first.app.start();
    await first.invoke('changeSettings', { startAtLogin: true, language: 'de' });
    expect(told).toEqual([false, true]);
    const second = start(testPorts(newHardware(), { store: memoryStore(store.values) }));
    await second.app.start();
    expect(second.snapshots.at(-1)?.settings).toMatchObject({ startAtLogin: true, language: 'de' });
  });

  it('opens its own help pages, and says what is in order and what is not', async () => {
    const opened: string[] = [];
    const run = start(testPorts(newHardware(), { browser: { open: async (url) => void opened.push(url) } }));
    await run.app.start();
    await run.invoke('openHelp', { topic: 'privacy' });
    expect(opened).toEqual(['https://docs.example/privacy']);
    const checks = await run.invoke('diagnostics', {});
    expect(checks.map(({ id, status }) => [id, status])).toEqual([
      ['server', 'pass'],
      ['clock', 'pass'],
      ['hardware', 'pass'],
      ['state', 'pass'],
      ['secrets', 'pass'],
    ]);
    // Nothing is left to fill in, and every check says by code what it saw.
    for (const { detail, finding } of checks) {
      expect(detail).not.toMatch(/[{}]/);
      expect(finding).toBeDefined();
    }
    await server.stop();
    const away = await run.invoke('diagnostics', {});
    expect(away.find(({ id }) => id === 'server')).toMatchObject({
      status: 'fail',
      remedy: expect.any(String),
      finding: { code: 'server-unreachable' },
    });
    await server.start();
  });

  it('keeps the enrolment when the server no longer knows the device, and says so', async () => {
    const { snapshots } = await enrolled();
    await until(() => server.streams.size === 1, 'the event stream');
    server.devices.clear();
    for (const stream of server.streams) stream.destroy();
    await until(() => snapshots.at(-1)?.connection.kind === 'offline', 'offline');
    expect(snapshots.at(-1)).toMatchObject({
      state: { kind: 'enrolled' },
      connection: { kind: 'offline', reason: { code: 'unauthenticated' } },
    });
  });
});
