import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, createFileStore, enrolOnce, type Ports, silentLogger, systemClock } from '../../app/index.ts';
import { until } from '../../app/testing/ports.ts';
import type { AppSnapshot } from '../../contract/index.ts';
import { createHardwareIdentity } from '../../main/hardware.ts';
import { has } from '../../native/testing/tools.ts';
import { startWorld, type World } from './world.ts';

/** The client's core against the real server, identity provider and software TPM: no fakes. */
describe.skipIf(!has('swtpm'))('the core against a real inventory (needs swtpm)', { timeout: 180_000 }, () => {
  let world: World;
  let count = 0;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world?.close());

  function ports(name = `client-${count++}`, open?: (url: string) => Promise<unknown>): Ports {
    const store = createFileStore(join(world.folder, name));
    return {
      hardware: createHardwareIdentity({ tcti: world.tcti, inProcess: true, claimKeys: store }),
      browser: { open: async (url) => void (await (open ?? world.signIn)(url)) },
      store,
      clock: systemClock,
      log: silentLogger,
      fetch: globalThis.fetch,
    };
  }

  const once = { version: '0.0.0', platform: 'linux', signIn: 'browser' } as const;

  async function follow(own: Ports) {
    const app = createApp(own, {
      ...once,
      signIn: undefined,
      host: 'browser',
      serverUrl: world.origin,
      help: { help: world.origin, privacy: world.origin },
    });
    const snapshots: AppSnapshot[] = [];
    app.bridge.subscribe((snapshot) => snapshots.push(snapshot));
    await app.start();
    const device = () => {
      const state = snapshots.at(-1)?.state;
      if (state?.kind !== 'enrolled') throw new Error(`the state is ${JSON.stringify(state)}`);
      return state.device;
    };
    return { app, snapshots, device };
  }

  it('enrols through the code flow, is approved, hears of it by event stream, re-attests and unenrols', async () => {
    const own = ports();
    const steps: string[] = [];
    const device = await enrolOnce(own, {
      ...once,
      serverUrl: world.origin,
      until: 'decided',
      onStep: (name) => steps.push(name),
      onEnrolled: async ({ id }) => void (await world.decide(id, { decision: 'approved' })),
    });
    expect(device).toMatchObject({ approval: 'approved', source: 'End-User', ekClass: 'software', demo: true });
    expect(device.assurance).toMatchObject({ level: 'high' });
    expect(steps).toEqual([
      'identity',
      'announce',
      'sign-in',
      'grant',
      'attestation-key',
      'activation',
      'device-key',
      'enrollment',
      'approval',
    ]);
    const client = await follow(own);
    try {
      const before = client.device().attestedAt;
      await client.app.bridge.invoke('reattest', {});
      expect(Date.parse(client.device().attestedAt ?? '')).toBeGreaterThan(Date.parse(before ?? ''));
      await client.app.bridge.invoke('refresh', {});
      await client.app.bridge.invoke('unenroll', {});
      expect(client.snapshots.at(-1)?.state.kind).toBe('signed-out');
      expect(await own.store.read('enrollment')).toBeUndefined();
    } finally {
      await client.app.close();
    }
  });

  it('attests again by itself when the attestation has grown stale, with a renewed certificate of its key', async () => {
    const own = ports();
    own.clock = { ...systemClock, now: () => new Date(Date.now() + world.time.offsetMs), random: () => 0.01 };
    const enrolled = await enrolOnce(own, { ...once, serverUrl: world.origin, until: 'enrolled' });
    world.time.offsetMs = 60 * 86_400_000;
    const client = await follow(own);
    try {
      await until(() => client.device().attestedAt !== enrolled.attestedAt, 'the new attestation', 60_000);
      expect(client.device().attestation).toBe('valid');
      expect(Date.parse(client.device().attestedAt ?? '') - Date.parse(enrolled.attestedAt ?? '')).toBeGreaterThan(
        50 * 86_400_000,
      );
    } finally {
      await client.app.close();
      world.time.offsetMs = 0;
    }
  });

  it('goes on where it was after the server was stopped and started, and knows a refusal', async () => {
    const own = ports();
    await enrolOnce(own, { ...once, serverUrl: world.origin, until: 'enrolled' });
    const client = await follow(own);
    try {
      await world.stopServer();
      await until(() => client.snapshots.at(-1)?.connection.kind === 'offline', 'offline');
      await world.restartServer();
      await until(() => client.snapshots.at(-1)?.connection.kind === 'online', 'online again', 60_000);
      await world.decide(client.device().id, { decision: 'refused', reason: 'Not one of ours.' });
      await until(() => client.device().approval === 'refused', 'the refusal');
      expect(client.device().approvalReason).toBe('Not one of ours.');
    } finally {
      await client.app.close();
    }
  });
});
