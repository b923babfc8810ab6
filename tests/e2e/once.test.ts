import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has } from '../../build/bootstrap.mjs';
import { hasUsableTpm } from '../../build/systemPackages.mjs';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { runDemo, startDemoProcess } from '../hosts/demoProcess.ts';

const run = promisify(execFile);

// `npm start` prefers a TPM that it may use; tests never open this machine's own.
describe.skipIf(!has('swtpm') || hasUsableTpm())(
  'npm start -- --once (needs swtpm, and no usable TPM of this machine)',
  { timeout: 180_000 },
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'muster-once-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test('enrols, is approved, and counts as high-assurance in this demo only', async () => {
      const { code, stdout, stderr } = await runDemo(['--once', '--state', folder]);
      expect(code, stderr).toBe(0);
      expect(stdout.trim().split('\n')).toHaveLength(1);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({
        permanentIdentifier: expect.stringMatching(/^urn:ek:sha256:[A-Za-z0-9+/]{43}=$/),
        source: 'End-User',
        approved: true,
        highAssurance: true,
        assurance: { level: 'high' },
        owner: 'carla@demo.example',
        ekCertificate: 'verified',
        ekClass: 'software',
        demo: true,
      });
      expect(result.assurance.reasons.map(({ code: reason }: { code: string }) => reason)).toContain(
        'demo-software-tpm',
      );
      for (const step of ['identity', 'sign-in', 'activation', 'enrollment', 'approval'])
        expect(stderr).toMatch(new RegExp(`^${step} +\\d+ ms$`, 'm'));
    });

    test.skipIf(!has('tpm2_createek') || !has('openssl'))(
      'the permanent identifier is the one that tpm2-tools and openssl compute (needs tpm2-tools and openssl)',
      async () => {
        const { stdout } = await runDemo(['--once', '--no-accept-software-tpm', '--state', folder]);
        const result = JSON.parse(stdout);
        const tpm = await startSoftwareTpm({ folder: join(folder, 'tpm') });
        try {
          const env = { ...process.env, TPM2TOOLS_TCTI: tpm.tcti };
          const pem = join(folder, 'ek.pem');
          await run('tpm2_createek', ['-Q', '-G', 'rsa', '-c', join(folder, 'ek.ctx'), '-u', pem, '-f', 'pem'], {
            env,
          });
          const script = 'openssl pkey -pubin -in "$0" -outform der | openssl dgst -sha256 -binary | openssl base64 -A';
          const digest = await run('sh', ['-c', script, pem]);
          expect(result.permanentIdentifier).toBe(`urn:ek:sha256:${digest.stdout.trim()}`);
        } finally {
          await tpm.stop();
        }
        // The policy of every real server: approved, and not high-assurance, with the reason.
        expect(result).toMatchObject({ approved: true, highAssurance: false, assurance: { level: 'normal' } });
        expect(result.assurance.reasons).toContainEqual(
          expect.objectContaining({ code: 'class-not-accepted', supports: false }),
        );
      },
    );

    test('a second start on the same state says so and changes nothing', async () => {
      const first = await startDemoProcess(['--state', folder]);
      try {
        const second = await runDemo(['--once', '--state', folder]);
        expect(second.code).toBe(1);
        expect(second.stderr).toMatch(/^already-running: A demo \(process \d+\) is running/);
      } finally {
        expect((await first.interrupt()).code).toBe(0);
      }
    });

    test.skipIf(process.platform === 'win32')('whoever ends npm and its shell alone ends everything', async () => {
      const shell = spawn('sh', ['-c', '"$0" build/start.mjs --state "$1"; true', process.execPath, folder], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', npm_lifecycle_event: 'start', MUSTER_NO_INSTALL: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const nobodyPrints = once(shell, 'close');
      let output = '';
      shell.stdout.on('data', (chunk) => {
        output += chunk;
      });
      await expect.poll(() => output).toContain('Ctrl-C');
      expect(existsSync(join(folder, 'lock'))).toBe(true);
      shell.kill('SIGTERM');
      await nobodyPrints;
      expect(existsSync(join(folder, 'lock'))).toBe(false);
    });

    test('a port in use is named', async () => {
      const other = createServer();
      await new Promise<void>((listening) => other.listen(0, '127.0.0.1', () => listening()));
      try {
        const { port } = other.address() as AddressInfo;
        const { code, stderr } = await runDemo(['--once', '--state', join(folder, 'other'), '--port', String(port)]);
        expect(code).toBe(1);
        expect(stderr).toContain(`port-in-use: Port ${port} is in use`);
      } finally {
        await new Promise((closed) => other.close(closed));
      }
    });

    test('a store that was removed is made anew, with a token that it knows', async () => {
      await rm(join(folder, 'inventory'), { recursive: true });
      const { code, stdout, stderr } = await runDemo(['--once', '--state', folder]);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ approved: true, highAssurance: true });
    });

    test('a broken state folder is named, and stays as it is', async () => {
      // Each breaks what is opened before the one above.
      for (const [file, begin] of [
        ['inventory/muster.db', 'store-unreadable'],
        ['tpm/state/tpm2-00.permall', 'tpm-failed'],
        ['tpm/ca/issuercert.pem', 'tpm-failed'],
        ['demo.json', 'state-unreadable'],
      ] as const) {
        const path = join(folder, file);
        const gone = file.endsWith('.pem');
        if (gone) await rm(path);
        else await writeFile(path, 'neither here nor there');
        const { code, stderr } = await runDemo(['--once', '--state', folder]);
        expect([file, code]).toEqual([file, 1]);
        expect(stderr).toMatch(new RegExp(`^${begin}: .*${file.split('/')[0]}`));
        if (gone) expect(stderr).toContain(file);
        else expect(await readFile(path, 'utf8')).toBe('neither here nor there');
      }
    });
  },
);
