import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../../app/http.ts';
import { type Clock, createApp, createFileStore, type Fetch, silentLogger, systemClock } from '../../app/index.ts';
import { createInventory } from '../../app/inventory.ts';
import { until } from '../../app/testing/ports.ts';
import type { AppSnapshot } from '../../contract/index.ts';
import { chooseFetch } from '../../main/desktopCore.ts';
import { createHardwareIdentity } from '../../main/hardware.ts';
import { has } from '../../native/testing/tools.ts';
import { makeAuthority } from '../hosts/authority.ts';
import { type Front, startConnectProxy, startFront, startSocksProxy } from '../hosts/front.ts';
import { startWorld, type World } from './world.ts';

const NAME = 'inventory.muster.test';
const ORIGIN = `https://${NAME}`;
const PATIENCE = 60_000;

/** Pauses of the backoff made short; a deadline of minutes stays one. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms > 60_000 ? ms : Math.min(ms, 50), signal),
};

const missing = ['swtpm', 'openssl'].filter((tool) => !has(tool));

/**
 * The core with the network that the desktop app chooses where IT names a certificate authority, against the real inventory: it is reached
 * only by its name, which a CONNECT proxy alone knows, behind TLS of an authority that no system knows.
 */
describe.skipIf(missing.length > 0)('the network as it is (needs swtpm and openssl)', { timeout: 240_000 }, () => {
  let folder: string;
  let world: World;
  let front: Front;
  let proxy: Awaited<ReturnType<typeof startConnectProxy>>;
  let own: Awaited<ReturnType<typeof makeAuthority>>;
  let portal: Awaited<ReturnType<typeof makeAuthority>>;
  let fetch: Fetch;
  /** What Chromium would answer: the system's proxy, or what a PAC file says. */
  let route: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-network-'));
    own = await makeAuthority(folder, NAME);
    portal = await makeAuthority(folder, 'portal.example');
    world = await startWorld({ origin: ORIGIN });
    front = await startFront(world.inventory.port, own.leaf);
    proxy = await startConnectProxy({ [`${NAME}:443`]: front.port });
    route = `PROXY ${proxy.host}; DIRECT`;
  });
  afterAll(async () => {
    await withoutProxy();
    await world?.close();
    await proxy?.close();
    await front?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const network = (file: string | undefined) =>
    chooseFetch(
      {
        net: { fetch: globalThis.fetch } as never,
        session: { defaultSession: { resolveProxy: async () => route } } as never,
      },
      { effective: (name) => (name === 'ExtraCaFile' ? file : undefined) as never },
      silentLogger,
    );
  /** Gives this process its own network back: the proxy is the process's. */
  async function withoutProxy(): Promise<void> {
    const before = route;
    route = 'DIRECT';
    await fetch?.(`${ORIGIN}/`).catch(() => undefined);
    route = before;
  }
  const ask = (by: Fetch) => createInventory(createHttp(ORIGIN, { fetch: by, clock })).server();

  it('reaches the server through the proxy that Chromium names, by the authority that IT names, and says what is missing', async () => {
    fetch = await network(portal.file);
    await expect(ask(fetch)).rejects.toMatchObject({ code: 'server-untrusted' });
    await withoutProxy();
    fetch = await network(own.file);
    expect((await ask(fetch)).team.name).toBe('Test Team');
    expect(new Set(proxy.asked)).toEqual(new Set([`${NAME}:443`]));
    // The proxy of the office is not there at home, and the name leads nowhere without it.
    const there = route;
    route = 'DIRECT';
    await expect(ask(fetch)).rejects.toMatchObject({ code: 'server-unreachable' });
    route = 'PROXY 127.0.0.1:9; DIRECT';
    await expect(ask(fetch)).rejects.toMatchObject({ code: 'server-unreachable' });
    route = there;
    expect((await ask(fetch)).team.name).toBe('Test Team');
  });

  it('goes through a SOCKS proxy too, which alone knows the name of the server', async () => {
    const socks = await startSocksProxy({ [`${NAME}:443`]: front.port });
    const there = route;
    try {
      route = `SOCKS5 ${socks.host}`;
      expect((await ask(fetch)).team.name).toBe('Test Team');
      expect(new Set(socks.asked)).toEqual(new Set([`${NAME}:443`]));
    } finally {
      route = there;
      await socks.close();
    }
  });

  function start(name: string) {
    const store = createFileStore(join(world.folder, name));
    /** A person whose page does not load tries again, for as long as the window waits for them. */
    const open = async (url: string): Promise<void> => {
      for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
        try {
          await world.signIn(url);
          return;
        } catch {
          await new Promise((done) => setTimeout(done, 100));
        }
      }
    };
    const app = createApp(
      {
        hardware: createHardwareIdentity({ tcti: world.tcti, inProcess: true, claimKeys: store }),
        browser: { open: async (url) => void open(url) },
        store,
        clock,
        log: silentLogger,
        fetch,
      },
      {
        version: '0.0.0',
        platform: 'linux',
        host: 'electron',
        serverUrl: ORIGIN,
        help: { help: ORIGIN, privacy: ORIGIN },
      },
    );
    const seen: AppSnapshot[] = [];
    app.bridge.subscribe((snapshot) => seen.push(snapshot));
    const now = () => seen.at(-1);
    const reach = (kind: AppSnapshot['state']['kind']) =>
      until(
        () => {
          const state = now()?.state;
          if (state?.kind === 'failed' && kind !== 'failed') throw new Error(JSON.stringify(state.error));
          return state?.kind === kind;
        },
        kind,
        PATIENCE,
      );
    const connection = (code: string) =>
      until(
        () => {
          const found = now()?.connection;
          return (found?.kind === 'offline' ? found.reason.code : found?.kind) === code;
        },
        `the connection to be ${code}`,
        PATIENCE,
      );
    return { app, invoke: app.bridge.invoke, now, reach, connection };
  }

  it('enrols once although every second request is cut, and whatever is pressed meanwhile; then tells outages apart and comes back by itself', async () => {
    const run = start('flapping');
    try {
      await run.app.start();
      front.turn({ kind: 'flapping', cut: 'before', cuts: 4 });
      await run.invoke('prepare', { serverUrl: null });
      await run.reach('review');
      const cutAtFirst = front.cuts.count;
      await Promise.all([run.invoke('enroll', {}), run.invoke('enroll', {}), run.invoke('retry', {})]);
      await until(() => run.now()?.state.kind !== 'enrolling' || front.cuts.count > cutAtFirst, 'a cut', PATIENCE);
      front.turn({ kind: 'flapping', cut: 'after', cuts: 4 });
      await Promise.all([run.invoke('enroll', {}), run.invoke('prepare', { serverUrl: null })]);
      await run.reach('enrolled');
      expect(front.cuts.count).toBeGreaterThan(0);
      const { devices } = await world.api('GET', '/api/v1/devices');
      expect(devices).toHaveLength(1);

      front.turn({ kind: 'fair' });
      await run.connection('online');
      for (const status of [302, 200] as const) {
        front.turn({ kind: 'portal', status });
        await run.connection('captive-portal');
        expect(run.now()?.state.kind).toBe('enrolled');
        front.turn({ kind: 'fair' });
        await run.connection('online');
      }
      front.present(portal.leaf);
      front.turn({ kind: 'fair' });
      await run.connection('server-untrusted');
      front.present(own.leaf);
      await run.connection('online');

      await world.stopServer();
      await run.connection('server-unreachable');
      const offline = run.now()?.connection;
      expect(offline?.kind === 'offline' && offline.lastKnownAt).toBeTruthy();
      await world.restartServer();
      await run.connection('online');
      await world.decide(String(devices[0]?.id), { decision: 'approved' });
      await until(
        () => {
          const state = run.now()?.state;
          return state?.kind === 'enrolled' && state.device.approval === 'approved';
        },
        'the approval',
        PATIENCE,
      );
    } finally {
      front.turn({ kind: 'fair' });
      await run.app.close();
    }
  });

  it('names a clock that does not fit the server’s, and by how much', async () => {
    const run = start('skewed');
    try {
      await run.app.start();
      world.time.offsetMs = 20 * 60_000;
      await run.invoke('prepare', { serverUrl: null });
      await run.reach('failed');
      const state = run.now()?.state;
      expect(state?.kind === 'failed' && state.error).toMatchObject({
        code: 'clock-skew',
        detail: expect.stringContaining('20 minutes behind'),
      });
    } finally {
      world.time.offsetMs = 0;
      await run.app.close();
    }
  });
});
