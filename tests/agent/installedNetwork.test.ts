import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { OUTPUTS } from '../../agent/schemas.ts';
import { until } from '../../app/testing/ports.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { freePort } from '../../demo/state.ts';
import { has } from '../../native/testing/tools.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { makeAuthority } from '../hosts/authority.ts';
import { type Front, startConnectProxy, startFront } from '../hosts/front.ts';
import { confirmAt, openedInvite, shownBy } from './atTheBrowser.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE = 60_000;
const missing = ['swtpm', 'openssl'].filter((tool) => !has(tool));

/** The command as it is installed, built for this suite, in processes of its own: against the real inventory behind TLS of an authority that no system knows. */
describe.skipIf(missing.length > 0 || process.platform === 'win32')(
  'the installed command over https (needs swtpm and openssl)',
  { timeout: 240_000 },
  () => {
    let folder: string;
    let muster: string;
    let software: SoftwareTpm;
    let world: World;
    let front: Front;
    let origin: string;
    let proxy: Awaited<ReturnType<typeof startConnectProxy>>;
    let own: Awaited<ReturnType<typeof makeAuthority>>;
    let place: string[];
    const ownAuthorities = getCACertificates('default');
    const running = new Set<ChildProcess>();

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'muster-installed-'));
      const built = spawnSync(process.execPath, [join(ROOT, 'build/buildAgent.ts'), join(folder, 'agent')], {
        encoding: 'utf8',
      });
      expect(built.status, built.stderr).toBe(0);
      muster = join(folder, 'agent/muster');
      own = await makeAuthority(folder, 'localhost');
      const port = await freePort();
      front = await startFront(port, own.leaf);
      origin = `https://localhost:${front.port}`;
      proxy = await startConnectProxy({ [`localhost:${front.port}`]: front.port });
      // The person at the browser is in this process, and knows the authority too.
      setDefaultCACertificates([...ownAuthorities, await readFile(own.file, 'utf8')]);
      [software, world] = await Promise.all([
        startSoftwareTpm({ folder: join(folder, 'tpm') }),
        startWorld({ server: { origin, port } }),
      ]);
      place = ['--tcti', software.tcti, '--state', join(folder, 'client')];
    });
    afterEach(async () => {
      for (const child of running) {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      running.clear();
    });
    afterAll(async () => {
      setDefaultCACertificates(ownAuthorities);
      await world?.close();
      await proxy?.close();
      await front?.close();
      await software?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const start = (args: string[], env: Record<string, string>) => {
      const own = Object.entries(process.env).filter(
        ([name]) => !/_proxy$|^NODE_EXTRA_CA_CERTS$|^SSL_CERT_/i.test(name),
      );
      const child = spawn(muster, [...args, ...place], {
        env: { ...Object.fromEntries(own), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.add(child);
      const printed = { out: '', err: '' };
      child.stdout.on('data', (chunk) => (printed.out += chunk));
      child.stderr.on('data', (chunk) => (printed.err += chunk));
      return { child, printed };
    };
    const ended = async ({ child, printed }: ReturnType<typeof start>) => {
      const [code] = await once(child, 'close');
      return { code, ...printed };
    };
    const trusting = () => ({ NODE_EXTRA_CA_CERTS: own.file });
    const proxied = () => ({ ...trusting(), HTTPS_PROXY: `http://${proxy.host}` });
    const lines = (printed: { out: string }) =>
      printed.out
        .split('\n')
        // Without the last: a line of which only the beginning was read, or nothing.
        .slice(0, -1)
        .map((line) => OUTPUTS.status.parse(JSON.parse(line)));

    it('enrols through a CONNECT proxy, by an authority that the environment names', async () => {
      const enrolling = start(['enroll', '--server', origin, '--device-flow', '--json'], proxied());
      await until(() => shownBy(enrolling.printed.err).userCode !== '', 'the code', PATIENCE);
      await confirmAt(world, shownBy(enrolling.printed.err), await openedInvite(world));
      const { code, out, err } = await ended(enrolling);
      expect(code, err).toBe(EXIT.pending);
      expect(OUTPUTS.enroll.parse(JSON.parse(out)).approval).toBe('pending');
      expect(new Set(proxy.asked)).toEqual(new Set([`localhost:${front.port}`]));
    });

    it('refuses an authority that nobody named', async () => {
      const { code, out, err } = await ended(start(['status', '--json'], {}));
      expect(OUTPUTS.status.parse(JSON.parse(out))).toMatchObject({ enrolled: true, online: false });
      expect(err).toMatch(/certificate/i);
      expect(code).toBe(EXIT.pending);
    });

    it('trusts an authority that the system knows', async () => {
      const { out, err } = await ended(start(['status', '--json'], { SSL_CERT_FILE: own.file }));
      expect(OUTPUTS.status.parse(JSON.parse(out)).online, err).toBe(true);
    });

    it('goes past the proxy where NO_PROXY says so, and nowhere where the proxy does not answer', async () => {
      const before = proxy.asked.length;
      const direct = await ended(start(['status', '--json'], { ...proxied(), NO_PROXY: 'localhost' }));
      expect(OUTPUTS.status.parse(JSON.parse(direct.out)).online, direct.err).toBe(true);
      expect(proxy.asked).toHaveLength(before);
      const through = await ended(start(['status', '--json'], proxied()));
      expect(OUTPUTS.status.parse(JSON.parse(through.out)).online, through.err).toBe(true);
      expect(proxy.asked.length).toBeGreaterThan(before);
      const gone = await ended(start(['status', '--json'], { ...proxied(), HTTPS_PROXY: 'http://127.0.0.1:9' }));
      expect(OUTPUTS.status.parse(JSON.parse(gone.out)).online).toBe(false);
    });

    it.each([
      ['directly', trusting],
      ['through the proxy', proxied],
    ])('watches %s: hears a decision, follows no redirect, and comes back after a restart of the server', async (_, env) => {
      const { printed } = start(['status', '--watch', '--json'], env());
      const seen = (what: string, found: (line: ReturnType<typeof lines>[number] | undefined) => boolean) =>
        until(() => found(lines(printed).at(-1)), what, PATIENCE);
      await seen('to be online', (line) => line?.online === true);

      const decide = async (decision: 'approved' | 'refused') => {
        const token = await world.token('devices:decide', 'devices:read');
        const path = `/api/v1/devices/${lines(printed).at(-1)?.device?.id}`;
        const { version } = (await world.api(token, 'GET', path)).body as { version: number };
        const body = decision === 'refused' ? { decision, reason: 'a test' } : { decision };
        const match = { 'if-match': `"${version}"` };
        const decided = await world.api(token, 'PUT', `${path}/approval`, body, match);
        expect(decided.status, decided.text).toBe(200);
        await seen(decision, (line) => line?.device?.approval === decision);
      };
      await decide('approved');

      front.turn({ kind: 'portal', status: 302 });
      await seen('to be offline', (line) => line?.online === false);
      const { err } = await ended(start(['status', '--json'], env()));
      expect(err).toMatch(/answered in its place/);
      front.turn({ kind: 'fair' });
      await seen('to be online again', (line) => line?.online === true);

      await world.restart();
      await decide('refused');
    });
  },
);
