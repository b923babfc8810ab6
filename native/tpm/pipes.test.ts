import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodePublic, HANDLE, SRK_TEMPLATE } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../testing/tools.ts';
import { missingForBroker, type Running, startBroker, startBrokerAlone } from '../testing/transports.ts';
import { createTpmAttestor } from './attestor.ts';
import { createPrimary } from './commands.ts';
import { listLoaded } from './handles.ts';
import { openLocalPipe } from './localPipe.ts';
import { openTpm } from './open.ts';
import type { Pipe } from './pipe.ts';
import { forkPipe, openProcessPipe } from './processPipe.ts';
import { openSocketPipe } from './socketPipe.ts';
import { findLibrary } from './tctiLibrary.ts';
import { openTctiPipe } from './tctiPipe.ts';
import { createTpm } from './tpm.ts';

/** GetRandom of four bytes. */
const GET_RANDOM = new Uint8Array([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 4]);
const library = process.platform === 'linux' && findLibrary('libtss2-tcti-swtpm.so.0') !== undefined;

describe.skipIf(!has('swtpm'))('pipes to a software TPM (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let pipe: Pipe | undefined;
  const address = () => ({ host: '127.0.0.1', port: software.port });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-pipes-'));
    software = await startSoftwareTpm({ folder });
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    process.kill(software.pid, 'SIGCONT');
    await pipe?.close();
    pipe = undefined;
  });

  const kinds: [string, () => Promise<Pipe>][] = [
    ['socket', () => openSocketPipe(address())],
    ['child process', () => openProcessPipe(software.tcti)],
    ...(library
      ? [['tpm2-tss', () => openTctiPipe({ kind: 'swtpm', ...address() })] as [string, () => Promise<Pipe>]]
      : []),
  ];

  describe.each(kinds)('%s', (_, open) => {
    it('carries whole commands and responses', async () => {
      pipe = await open();
      for (let at = 0; at < 20; at += 1) {
        const response = await pipe.submit(GET_RANDOM, 30_000);
        expect(response).toHaveLength(16);
        expect(response.subarray(6, 10)).toEqual(new Uint8Array(4));
      }
    });

    it('refuses a command that is not well formed before the TPM sees it', async () => {
      pipe = await open();
      await expect(pipe.submit(GET_RANDOM.subarray(0, 11), 1_000)).rejects.toMatchObject({ code: 'tpm-error' });
      await expect(pipe.submit(new Uint8Array(5_000), 1_000)).rejects.toMatchObject({ code: 'tpm-error' });
    });

    it('gives up on a TPM that does not answer, and the event loop runs on meanwhile', async () => {
      pipe = await open();
      await pipe.submit(GET_RANDOM, 30_000);
      process.kill(software.pid, 'SIGSTOP');
      let ticks = 0;
      const ticking = setInterval(() => {
        ticks += 1;
      }, 10);
      await expect(pipe.submit(GET_RANDOM, 400)).rejects.toMatchObject({ code: 'tpm-timeout' });
      clearInterval(ticking);
      expect(ticks).toBeGreaterThan(0);
    });
  });

  it.runIf(library)('tpm2-tss runs the verbs too', async () => {
    const tpm = createTpm(await openTctiPipe({ kind: 'swtpm', ...address() }), { address: software.tcti, bare: true });
    const attestor = createTpmAttestor(tpm, { eventLog: false });
    const { key } = await attestor.createDeviceKey();
    expect(await attestor.sign(key, new Uint8Array(32))).toHaveLength(64);
    await attestor.close();
  });

  it('starts a new child after one was killed for being late, and after a crash', async () => {
    const children: { kill(): void }[] = [];
    pipe = await openProcessPipe(software.tcti, (tcti) => {
      const child = forkPipe(tcti);
      children.push(child);
      return child;
    });
    process.kill(software.pid, 'SIGSTOP');
    await expect(pipe.submit(GET_RANDOM, 300)).rejects.toMatchObject({ code: 'tpm-timeout' });
    process.kill(software.pid, 'SIGCONT');
    expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    children.at(-1)?.kill();
    await expect(pipe.submit(GET_RANDOM, 30_000)).rejects.toMatchObject({ code: 'tpm-connection-lost' });
    expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    expect(children).toHaveLength(3);
  });

  it('tells what the child could not open, with its advice', async () => {
    await expect(openProcessPipe('swtpm:host=127.0.0.1,port=1')).rejects.toMatchObject({
      code: 'tpm-missing',
      advice: expect.stringContaining('swtpm'),
    });
    await expect(openProcessPipe('cmd:id')).rejects.toMatchObject({ code: 'tcti-refused' });
  });

  it.runIf(library)(
    'a one-shot command ends itself although a native call is blocked',
    async () => {
      const at = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
      const code = `
      const { openTctiPipe } = await import(${at('./tctiPipe.ts')});
      const { exitNow } = await import(${at('./ffi.ts')});
      const { checkCommand } = await import(${at('./pipe.ts')});
      const pipe = await openTctiPipe({ kind: 'swtpm', host: '127.0.0.1', port: ${software.port} });
      const command = new Uint8Array(${JSON.stringify([...GET_RANDOM])});
      checkCommand(command);
      process.kill(${software.pid}, 'SIGSTOP');
      await pipe.submit(command, 300).catch((error) => exitNow(error.code === 'tpm-timeout' ? 3 : 4));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
      const limit = setTimeout(() => child.kill('SIGKILL'), 90_000);
      const exit = await new Promise((resolve) => child.on('exit', resolve));
      clearTimeout(limit);
      expect(exit).toBe(3);
    },
    120_000,
  );

  it.runIf(library)('gives up on opening a TPM that does not answer', async () => {
    process.kill(software.pid, 'SIGSTOP');
    await expect(openTctiPipe({ kind: 'swtpm', ...address() }, undefined, 300)).rejects.toMatchObject({
      code: 'tpm-timeout',
    });
  });

  it('opening takes the pipe that the options ask for', async () => {
    for (const inProcess of [true, false]) {
      const tpm = await openTpm({ tcti: software.tcti, inProcess });
      expect(tpm.address).toBe(software.tcti);
      await tpm.close();
      await expect(tpm.work(async () => 1)).rejects.toMatchObject({ code: 'tpm-closed' });
    }
  });
});

const missing = missingForBroker();
const needs = ['swtpm', ...missing].join(', ');
describe.skipIf(!has('swtpm') || missing.length > 0)(`the pipe through tpm2-abrmd (needs ${needs})`, () => {
  let folder: string;
  let software: SoftwareTpm;
  let broker: Running;
  let second: Running | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-broker-'));
    software = await startSoftwareTpm({ folder });
    broker = await startBroker(folder, software.tcti);
  });
  afterAll(async () => {
    await second?.stop();
    await broker?.stop();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const open = () => openLocalPipe({ kind: 'tabrmd' });

  it('carries whole commands and responses, and the event loop runs on while the TPM is silent', async () => {
    const pipe = await open();
    for (let at = 0; at < 20; at += 1) expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    process.kill(software.pid, 'SIGSTOP');
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 10);
    await expect(pipe.submit(GET_RANDOM, 500)).rejects.toMatchObject({ code: 'tpm-timeout' });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(0);
    process.kill(software.pid, 'SIGCONT');
    // A new connection to the broker: the late answer belongs to the old one.
    expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    await pipe.close();
  });

  it('two connections do not see each other’s objects', async () => {
    const [one, other] = [await openTpm({ tcti: 'tabrmd:', inProcess: true }), await openTpm({ tcti: 'tabrmd:' })];
    const list = (tpm: typeof one) => tpm.work((scope) => listLoaded((request) => scope.run(request)));
    await one.work(async (scope) => {
      await createPrimary(scope, HANDLE.OWNER, encodePublic(SRK_TEMPLATE), 'making a key');
      expect(await listLoaded((request) => scope.run(request))).toHaveLength(1);
      expect(await list(other)).toEqual([]);
    });
    expect(await list(one)).toEqual([]);
    await one.close();
    await other.close();
  });

  it('a broker that ends is a lost connection, its absence is told, and the next one is used', async () => {
    const pipe = await open();
    await pipe.submit(GET_RANDOM, 30_000);
    process.kill(broker.pid, 'SIGKILL');
    await expect(pipe.submit(GET_RANDOM, 30_000)).rejects.toMatchObject({ code: 'tpm-connection-lost' });
    await expect(open()).rejects.toMatchObject({
      code: 'tpm-missing',
      advice: expect.stringContaining('/dev/tpmrm0'),
    });
    second = await startBrokerAlone(software.tcti);
    expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    await pipe.close();
  });
});
