import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { enrolOnce, type Fetch, type Ports, silentLogger } from '../../app/index.ts';
import { has } from '../../build/bootstrap.mjs';
import type { SelfDevice } from '../../contract/index.ts';
import { demoPorts } from '../../demo/client.ts';
import { browse } from '../../demo/scriptedBrowser.ts';
import { answersOf, scriptedPerson } from '../../demo/scriptedPerson.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import type { ServerOptions } from '../../server/index.ts';
import { startTestInventory, type TestInventory } from '../hosts/inventory.ts';

const SCRIPT = fileURLToPath(new URL('../hosts/serverProcess.ts', import.meta.url));

// Each request of a ceremony, with the server killed just before it arrives, and just after it was answered but before the client heard.
const REQUESTS = [
  '/api/v1/ceremonies',
  '/oidc/token',
  '/api/v1/grants',
  '/attest',
  '/secret',
  '/api/v1/challenges',
  '/api/v1/enrollments',
];

describe.skipIf(!has('swtpm'))(
  'the server is killed in the middle of a ceremony (needs swtpm)',
  { timeout: 180_000 },
  () => {
    let folder: string;
    let tpm: SoftwareTpm;
    let setUp: TestInventory;
    let options: ServerOptions;
    let child: ChildProcess | undefined;
    let back = Promise.resolve();
    let fresh = 0;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'muster-killed-'));
      tpm = await startSoftwareTpm({ folder: join(folder, 'tpm') });
      setUp = await startTestInventory({ folder, issuers: [tpm.issuerCertificate] });
      await setUp.server.close();
      const { issuer, clientId, clientSecret } = setUp.identityProvider;
      options = {
        store: join(folder, 'inventory'),
        demo: true,
        port: Number(new URL(setUp.origin).port),
        identityProvider: { issuer, clientId, clientSecret, allowInsecureLoopback: true },
        rateLimitFactor: 1000,
      };
      await start();
    });
    // A server that a test brings back stands before the next one begins, or that test fails.
    afterEach(() => back);
    afterAll(async () => {
      await kill();
      await setUp?.identityProvider.close();
      await tpm?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function start(): Promise<void> {
      const process_ = spawn(process.execPath, [SCRIPT, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child = process_;
      await new Promise<void>((ready, failed) => {
        process_.stdout.once('data', () => ready());
        process_.once('exit', (code) => failed(new Error(`the server ended with ${code}`)));
      });
    }

    async function kill(): Promise<void> {
      const process_ = child;
      child = undefined;
      if (!process_ || process_.exitCode !== null) return;
      const gone = new Promise((done) => process_.once('exit', done));
      process_.kill('SIGKILL');
      await gone;
    }

    /** Some time later, so that the client meets a server that is away. */
    function comeBack(): void {
      back = new Promise((done) => setTimeout(done, 300)).then(start);
      back.catch(() => undefined);
    }

    /** The network of a client whose server dies at the first request to `path`. */
    function failingAt(path: string, when: 'before' | 'after'): { fetch: Fetch; died: () => boolean } {
      let died = false;
      const fetch: Fetch = async (input, init) => {
        const url = new URL(input instanceof Request ? input.url : input);
        if (died || url.pathname !== path) return globalThis.fetch(input, init);
        died = true;
        if (when === 'after') await (await globalThis.fetch(input, init)).arrayBuffer();
        await kill();
        comeBack();
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
        });
      };
      return { fetch, died: () => died };
    }

    function client(fetch: Fetch): Ports {
      fresh += 1;
      const person = setUp.people.person;
      // A person whose page does not load tries again.
      const browser = {
        open: async (url: string) => {
          await scriptedPerson(person, { onError: () => setTimeout(() => void browser.open(url), 500) }).open(url);
        },
      };
      return {
        ...demoPorts({ folder: join(folder, `client-${fresh}`), tcti: tpm.tcti, browser, log: silentLogger }),
        fetch,
      };
    }

    const enrol = (ports: Ports, more: Partial<Parameters<typeof enrolOnce>[1]> = {}) =>
      enrolOnce(ports, {
        serverUrl: setUp.origin,
        version: '0',
        platform: 'linux',
        signIn: 'browser',
        until: 'enrolled',
        signal: AbortSignal.timeout(120_000),
        ...more,
      });
    const devices = async () => (await setUp.api('GET', '/api/v1/devices')).body as { devices: SelfDevice[] };

    for (const path of REQUESTS) {
      test.each(['before', 'after'] as const)(`%s ${path} is answered`, async (when) => {
        const { fetch, died } = failingAt(path, when);
        const device = await enrol(client(fetch));
        expect(died()).toBe(true);
        expect(device).toMatchObject({ approval: 'pending', attestation: 'valid' });
        // One device, whole, whatever was begun before the kill.
        expect((await devices()).devices.map(({ id }) => id)).toEqual([device.id]);
      });
    }

    test('while the person is at the sign-in page', async () => {
      let killed = false;
      const ports = client(globalThis.fetch);
      const open = ports.browser.open;
      ports.browser = {
        async open(url) {
          if (!killed) {
            killed = true;
            await kill();
            comeBack();
          }
          await open(url);
        },
      };
      expect(await enrol(ports)).toMatchObject({ approval: 'pending', attestation: 'valid' });
      expect(killed).toBe(true);
    });

    test('while the person reads the confirm page', async () => {
      let killed = false;
      const ports = client(globalThis.fetch);
      const { open } = ports.browser;
      const answer = answersOf(setUp.people.person);
      ports.browser = {
        async open(url) {
          if (killed) return open(url);
          // Their answer meets no server; they open the sign-in page again.
          const walk = browse(url, (page) => {
            if (!killed && page.buttons.some((text) => text.endsWith('=accept'))) {
              killed = true;
              child?.kill('SIGKILL');
              comeBack();
            }
            return answer(page);
          });
          walk.catch(() => open(url));
        },
      };
      expect(await enrol(ports)).toMatchObject({ approval: 'pending', attestation: 'valid' });
      expect(killed).toBe(true);
    });

    test.each([
      'before',
      'after',
    ] as const)('%s the approval that the client waits for on its event stream', async (when) => {
      const approve = async ({ id }: SelfDevice) => {
        const path = `/api/v1/devices/${id}`;
        const { version } = (await setUp.api('GET', path)).body as { version: number };
        const match = { 'if-match': `"${version}"` };
        expect((await setUp.api('PUT', `${path}/approval`, { decision: 'approved' }, match)).status).toBe(200);
      };
      const device = await enrol(client(globalThis.fetch), {
        until: 'decided',
        async onEnrolled(pending) {
          expect(pending.approval).toBe('pending');
          if (when === 'after') await approve(pending);
          await kill();
          await start();
          if (when === 'before') await approve(pending);
        },
      });
      expect(device).toMatchObject({ approval: 'approved', attestation: 'valid' });
      expect((await devices()).devices).toMatchObject([{ id: device.id, approval: 'approved' }]);
    });
  },
);
