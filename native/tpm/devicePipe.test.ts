import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCredential } from '../../attestation/index.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { type CharacterDevice, startCharacterDevice } from '../testing/characterDevice.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from './attestor.ts';
import { checkDevice, deviceError, openDevicePipe } from './devicePipe.ts';
import { listLoaded } from './handles.ts';
import { openLocalPipe } from './localPipe.ts';
import { findLibrary } from './tctiLibrary.ts';
import { createTpm } from './tpm.ts';

const GET_RANDOM = new Uint8Array([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 4]);
const here = process.platform === 'linux' && has('swtpm') && has('stty') && existsSync('/dev/ptmx');
const library = process.platform === 'linux' && findLibrary('libtss2-tcti-device.so.0') !== undefined;
const loadedLibraries = () => readFileSync('/proc/self/maps', 'utf8').match(/libtss2-\S+/g) ?? [];

// The order counts: once tpm2-tss is loaded into this process, it stays there.
describe.skipIf(!here)('a TPM device (needs Linux, swtpm)', () => {
  let folder: string;
  let device: CharacterDevice;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-device-'));
    // Made with its certificates, then taken off its port.
    await (await startSoftwareTpm({ folder })).stop();
    device = await startCharacterDevice(join(folder, 'state'));
  });
  afterAll(async () => {
    await device?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (folders?: readonly string[]) => openLocalPipe({ kind: 'device', path: device.path }, folders);

  /** Every verb that an enrolment needs. */
  const enrol = async (folders: readonly string[] | undefined) => {
    const tpm = createTpm(await open(folders), { address: 'device:', bare: true });
    const attestor = createTpmAttestor(tpm, { eventLog: false });
    try {
      const { eks } = await attestor.readEndorsement();
      expect(eks.map(({ algorithm, certificate }) => [algorithm, certificate !== undefined])).toEqual([
        ['RSA-2048', true],
        ['ECC-P384', true],
      ]);
      const ak = await attestor.createAttestationKey();
      const device = await attestor.createDeviceKey();
      const secret = crypto.getRandomValues(new Uint8Array(32));
      for (const { publicKeySpki, permanentIdentifier } of eks) {
        const made = makeCredential({ ekPublic: publicKeySpki, akName: ak.name, secret });
        expect(
          await attestor.activateCredential(ak.key, permanentIdentifier, made.credentialBlob, made.encryptedSecret),
        ).toEqual(secret);
      }
      const binding = {
        origin: 'https://x.example',
        challenge: secret,
        grantThumbprint: 'A'.repeat(43),
        permanentIdentifier: '',
      };
      await attestor.certify(device.key, ak.key, binding);
      const { pcrValues } = await attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0, 7, 23] });
      expect(pcrValues).toHaveLength(3);
      expect(await attestor.sign(device.key, secret)).toHaveLength(64);
      expect(await tpm.work((scope) => listLoaded((request) => scope.run(request)))).toEqual([]);
    } finally {
      await attestor.close();
    }
  };

  it('is driven by its file where tpm2-tss is not installed, and no library is loaded', async () => {
    const before = loadedLibraries();
    await enrol([]);
    expect(before).toEqual([]);
    // The name of an error may be looked up in tss2-rc; nothing that carries commands.
    expect(loadedLibraries().filter((name) => !name.startsWith('libtss2-rc'))).toEqual([]);
  });

  it('that is silent ends a command in time, and the late answer is not taken for another', async () => {
    const pipe = await open([]);
    expect(await pipe.submit(GET_RANDOM, 30_000)).toHaveLength(16);
    process.kill(device.pid, 'SIGSTOP');
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 10);
    const alone = await openDevicePipe(device.path);
    await expect(alone.submit(GET_RANDOM, 500)).rejects.toMatchObject({ code: 'tpm-timeout' });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(0);
    await expect(alone.submit(GET_RANDOM, 500)).rejects.toMatchObject({ code: 'tpm-busy' });
    process.kill(device.pid, 'SIGCONT');
    await expect
      .poll(
        () =>
          alone.submit(GET_RANDOM, 30_000).then(
            (response) => response.length,
            () => 0,
          ),
        { timeout: 30_000 },
      )
      .toBe(16);
    await alone.close();
    await pipe.close();
  });

  it.runIf(library)('is driven by tpm2-tss where that is installed (needs libtss2-tcti-device)', async () => {
    await enrol(undefined);
    // The loader stays; it takes the library of the TCTI out again.
    expect(loadedLibraries().some((name) => name.startsWith('libtss2-tctildr'))).toBe(true);
  });

  it('alone has a way without tpm2-tss: a broker and mssim need it', async () => {
    for (const tcti of [{ kind: 'tabrmd' }, { kind: 'mssim', host: '127.0.0.1', port: 1 }] as const) {
      await expect(openLocalPipe(tcti, [])).rejects.toMatchObject({
        code: 'tpm-library-missing',
        advice: expect.stringContaining('libtss2'),
      });
    }
  });
});

describe('a device that cannot be opened', () => {
  it.each([
    ['ENOENT', 'tpm-missing'],
    ['ENXIO', 'tpm-missing'],
    ['EACCES', 'tpm-permission'],
    ['EPERM', 'tpm-permission'],
    ['EBUSY', 'tpm-busy'],
    ['EIO', 'tpm-connection-lost'],
  ])('%s is %s', (code, expected) => expect(deviceError('/dev/tpmrm0', code).code).toBe(expected));

  it('is one that is not there, or no device', async () => {
    await expect(checkDevice('/dev/tpmrm-of-nobody')).rejects.toMatchObject({ code: 'tpm-missing' });
    await expect(checkDevice(import.meta.filename)).rejects.toMatchObject({ code: 'tpm-missing' });
  });
});
