import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCredential, TPM_CC } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { NativeError } from '../errors.ts';
import { createFakeFfi, type FakeFunction, getSystemDirectory } from '../testing/fakeWindows.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from '../tpm/attestor.ts';
import type { Pipe } from '../tpm/pipe.ts';
import { openSocketPipe } from '../tpm/socketPipe.ts';
import { createTpm } from '../tpm/tpm.ts';
import { type ElevationOptions, encodeAnswer, parseRequest, withElevation } from './elevatedAttestor.ts';
import { isElevated, quoted, runElevated } from './elevation.ts';
import { underProgramFiles } from './openElevation.ts';
import { CRYPT32_PROTOTYPES, NCRYPT_PROTOTYPES, readPlatformCertificates } from './platformCertificates.ts';

describe('elevation', () => {
  const shell = (result: number, error = 0): [string, FakeFunction][] => [
    ['GetSystemDirectoryW', getSystemDirectory],
    [
      'ShellExecuteExW',
      ([info], memory) => {
        const bytes = memory.bytes(info as bigint, 112);
        const view = new DataView(bytes.buffer);
        const text = (at: number) => {
          const pointer = view.getBigUint64(at, true);
          for (let size = 2; ; size += 2) {
            const part = memory.bytes(pointer, size);
            if (part.at(-1) === 0 && part.at(-2) === 0) return Buffer.from(part.subarray(0, -2)).toString('utf16le');
          }
        };
        shown.push(text(16), text(24), text(32));
        view.setBigUint64(104, 0x77n, true);
        memory.set(info as bigint, bytes);
        return result;
      },
    ],
    ['GetLastError', () => error],
    ['WaitForSingleObject', ([handle]) => (handle === 0x77n ? 0 : 0xffffffff)],
    [
      'GetExitCodeProcess',
      ([, code], memory) => {
        memory.set(code as bigint, new Uint8Array([3, 0, 0, 0]));
        return 1;
      },
    ],
    ['CloseHandle', () => 1],
    ['IsUserAnAdmin', () => result],
  ];
  let shown: string[] = [];

  it('runs a program by the verb "runas" and waits for its exit code', async () => {
    shown = [];
    const { ffi, memory, loaded, calls } = createFakeFfi(new Map(shell(1)));
    const code = await runElevated(ffi, {
      file: 'C:\\Program Files\\Muster\\node.exe',
      args: ['tpm', 'activate', 'C:\\Users\\A B\\x'],
    });
    expect(code).toBe(3);
    expect(shown).toEqual(['runas', 'C:\\Program Files\\Muster\\node.exe', 'tpm activate "C:\\Users\\A B\\x"']);
    expect(loaded).toContain('C:\\Windows\\System32\\shell32.dll');
    expect(calls.at(-1)?.name).toBe('CloseHandle');
    expect(memory.leaked()).toBe(0);
    expect(isElevated(ffi)).toBe(true);
  });

  it.each([
    [1223, 'elevation-refused'],
    [5, 'elevation-needed'],
  ])('that ends with error %i is %s', async (error, code) => {
    const { ffi, memory } = createFakeFfi(new Map(shell(0, error)));
    await expect(runElevated(ffi, { file: 'x.exe', args: [] })).rejects.toMatchObject({ code });
    expect(memory.leaked()).toBe(0);
  });

  it.each([
    ['plain', 'plain'],
    ['with space', '"with space"'],
    ['quote"inside', '"quote\\"inside"'],
    ['ends in \\', '"ends in \\\\"'],
    ['a\\"b', '"a\\\\\\"b"'],
    ['', '""'],
  ])('quotes %j', (argument, expected) => expect(quoted(argument)).toBe(expected));

  it('trusts programs under Program Files only', () => {
    const folder = 'C:\\Program Files';
    expect(underProgramFiles('C:\\Program Files\\Muster\\lib\\node.exe', folder)).toBe(true);
    for (const path of [
      'C:\\Users\\a\\node.exe',
      'C:\\Program Files\\..\\x.exe',
      'C:\\Program Files (x86)\\x.exe',
      'D:\\x.exe',
      folder,
    ]) {
      expect(underProgramFiles(path, folder)).toBe(false);
    }
  });
});

describe('certificates of the platform crypto provider', () => {
  it('are declared in prototypes that koffi takes', () => {
    const koffi = createRequire(import.meta.url)('koffi') as { proto(definition: string): unknown };
    for (const prototype of [...Object.values(NCRYPT_PROTOTYPES), ...Object.values(CRYPT32_PROTOTYPES)]) {
      expect(koffi.proto(prototype)).toBeDefined();
    }
  });

  it('are walked through the stores that the provider has', async () => {
    const certificates = [new Uint8Array([0x30, 1, 1]), new Uint8Array([0x30, 2, 2, 2])];
    const contexts: bigint[] = [];
    const asked: string[] = [];
    const { ffi, memory, loaded, calls } = createFakeFfi(
      new Map<string, FakeFunction>([
        ['GetSystemDirectoryW', getSystemDirectory],
        [
          'NCryptOpenStorageProvider',
          ([out]) => {
            (out as unknown[])[0] = 0x11n;
            return 0;
          },
        ],
        [
          'NCryptGetProperty',
          ([, property, output, , written], fake) => {
            const name =
              Buffer.from(fake.bytes(property as bigint, 200))
                .toString('utf16le')
                .split('\0')[0] ?? '';
            asked.push(name);
            if (name !== 'PCP_RSA_EKNVCERT') return 0x80090029;
            fake.set(output as bigint, new Uint8Array(new BigUint64Array([0x22n]).buffer));
            fake.set(written as bigint, new Uint8Array([8, 0, 0, 0]));
            return 0;
          },
        ],
        ['NCryptFreeObject', () => 0],
        [
          'CertEnumCertificatesInStore',
          ([, previous]) => contexts[previous === null ? 0 : contexts.indexOf(previous as bigint) + 1] ?? null,
        ],
        ['CertCloseStore', ([store]) => (store === 0x22n ? 1 : 0)],
      ]),
    );
    const blocks = certificates.map((bytes) => {
      const encoded = ffi.alloc('uint8_t', bytes.length);
      memory.set(encoded, bytes);
      const context = ffi.alloc('uint8_t', 40);
      memory.set(context, new Uint8Array(new BigUint64Array([1n, encoded, BigInt(bytes.length), 0n, 0n]).buffer));
      contexts.push(context);
      return [encoded, context];
    });
    expect(await readPlatformCertificates(ffi)).toEqual(certificates);
    expect(asked).toContain('PCP_EKCERT');
    expect(loaded).toEqual(
      expect.arrayContaining(['C:\\Windows\\System32\\ncrypt.dll', 'C:\\Windows\\System32\\crypt32.dll']),
    );
    expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(['CertCloseStore', 'NCryptFreeObject']));
    for (const pointer of blocks.flat()) ffi.free(pointer);
    expect(memory.leaked()).toBe(0);
  });

  it('are none where the provider does not open', async () => {
    const { ffi, memory } = createFakeFfi(
      new Map<string, FakeFunction>([
        ['GetSystemDirectoryW', getSystemDirectory],
        ['NCryptOpenStorageProvider', () => 0x80090030 | 0],
        ['NCryptGetProperty', () => 0x80090029 | 0],
        ['NCryptFreeObject', () => 0],
        ['CertEnumCertificatesInStore', () => 0],
        ['CertCloseStore', () => 1],
      ]),
    );
    expect(await readPlatformCertificates(ffi)).toEqual([]);
    expect(memory.leaked()).toBe(0);
  });
});

describe.skipIf(!has('swtpm'))('a TPM behind the rules of Windows (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let pipe: Pipe;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-windows-'));
    software = await startSoftwareTpm({ folder });
  });
  afterAll(async () => {
    await pipe?.close();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** TBS blocks the command in the driver. */
  const blocking = (inner: Pipe, code: number): Pipe => ({
    async submit(command, deadlineMs) {
      if (new DataView(command.buffer, command.byteOffset).getUint32(6) === code) {
        throw new NativeError('tpm-command-blocked', 'Windows keeps this TPM command for administrators.');
      }
      return inner.submit(command, deadlineMs);
    },
    close: () => inner.close(),
  });

  async function challenge(attestor: ReturnType<typeof createTpmAttestor>) {
    const { eks } = await attestor.readEndorsement();
    const ak = await attestor.createAttestationKey();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made = makeCredential({ ekPublic: eks[0]?.publicKeySpki as Uint8Array, akName: ak.name, secret });
    const activate = (by: typeof attestor) =>
      by.activateCredential(ak.key, eks[0]?.permanentIdentifier ?? '', made.credentialBlob, made.encryptedSecret);
    return { secret, activate };
  }

  it('activates with administrator rights once, through files that are gone afterwards', async () => {
    pipe = await openSocketPipe({ host: '127.0.0.1', port: software.port });
    const plain = createTpmAttestor(
      createTpm(blocking(pipe, TPM_CC.ACTIVATE_CREDENTIAL), { address: 'tbs:', bare: true }),
      { platformCertificates: async () => [] },
    );
    const elevated = createTpmAttestor(createTpm(pipe, { address: 'tbs:', bare: true }), {
      platformCertificates: async () => [],
    });
    const place = join(folder, 'Muster');
    const asked: string[] = [];
    const options: ElevationOptions = {
      folder: place,
      isElevated: () => false,
      async run(requestFile, answerFile) {
        asked.push(requestFile);
        const { ak, ekPermanentIdentifier, credential, secret } = parseRequest(await readFile(requestFile, 'utf8'));
        expect(await readFile(answerFile, 'utf8')).toBe('');
        await writeFile(
          answerFile,
          encodeAnswer(await elevated.activateCredential(ak, ekPermanentIdentifier, credential, secret)),
        );
        return 0;
      },
    };
    const { secret, activate } = await challenge(plain);
    await expect(activate(plain)).rejects.toMatchObject({ code: 'tpm-command-blocked' });
    expect(await activate(withElevation(plain, options))).toEqual(secret);
    expect(asked).toHaveLength(1);
    expect(await readdir(place)).toEqual([]);

    const refusing = { ...options, run: () => Promise.reject(new NativeError('elevation-refused', 'no')) };
    await expect(activate(withElevation(plain, refusing))).rejects.toMatchObject({ code: 'elevation-refused' });
    const failing = { ...options, run: async () => 1 };
    await expect(activate(withElevation(plain, failing))).rejects.toMatchObject({ code: 'elevation-needed' });
    const already = { ...options, isElevated: () => true };
    await expect(activate(withElevation(plain, already))).rejects.toMatchObject({ code: 'tpm-command-blocked' });
    expect(await readdir(place)).toEqual([]);
  });

  it('uses the endorsement authorization that Windows keeps, where the empty one is refused', async () => {
    pipe = await openSocketPipe({ host: '127.0.0.1', port: software.port });
    const HIERARCHY_CHANGE_AUTH = 0x129;
    const change = async (from: Uint8Array, to: Uint8Array) => {
      const tpm = createTpm(pipe, { address: 'tbs:' });
      const parameters = new Uint8Array([to.length >> 8, to.length, ...to]);
      const request = {
        code: HIERARCHY_CHANGE_AUTH,
        handles: [0x4000000b],
        auths: [{ password: from }],
        parameters,
        doing: 'changing',
      };
      await tpm.work((scope) => scope.run(request));
    };
    const password = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    const none = new Uint8Array(0);
    await change(none, password);
    try {
      const knowing: Pipe = {
        ...pipe,
        hierarchyAuth: (hierarchy) => (hierarchy === 0x4000000b ? password : undefined),
      };
      const attestorOf = (by: Pipe) => createTpmAttestor(createTpm(by, { address: 'swtpm:', bare: true }));
      const { secret, activate } = await challenge(attestorOf(knowing));
      expect(await activate(attestorOf(knowing))).toEqual(secret);
      await expect(activate(attestorOf(pipe))).rejects.toMatchObject({ code: 'tpm-auth-required' });
    } finally {
      await change(password, none);
    }
  });

  it('takes the certificate of an EK from the platform where NV has none, by its key', async () => {
    const bare = await startSoftwareTpm({ folder: join(folder, 'bare'), certificate: false });
    const own = await openSocketPipe({ host: '127.0.0.1', port: bare.port });
    try {
      const plain = createTpmAttestor(createTpm(own, { address: 'tbs:' }), { platformCertificates: async () => [] });
      const { eks } = await plain.readEndorsement();
      const spki = eks[0]?.publicKeySpki as Uint8Array;
      const outline = (key: Uint8Array) => {
        const tlv = (tag: number, ...parts: Uint8Array[]) => {
          const content = Buffer.concat(parts);
          return new Uint8Array([tag, 0x82, content.length >> 8, content.length & 0xff, ...content]);
        };
        const empty = tlv(0x30);
        return tlv(0x30, tlv(0x30, tlv(2, new Uint8Array([1])), empty, empty, empty, empty, key), empty);
      };
      const stranger = new Uint8Array(
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }),
      );
      const [mine, issuer] = [outline(spki), outline(stranger)];
      const knowing = createTpmAttestor(createTpm(own, { address: 'tbs:' }), {
        platformCertificates: async () => [issuer, mine],
      });
      const read = await knowing.readEndorsement();
      expect(read.eks[0]?.certificate).toEqual(mine);
      expect(read.chain).toEqual([issuer]);
    } finally {
      await own.close();
      await bare.stop();
    }
  });
});
