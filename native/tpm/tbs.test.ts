import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCredential } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createFakeFfi, type FakeFunction, type FakeMemory, getSystemDirectory } from '../testing/fakeWindows.ts';
import { has } from '../testing/tools.ts';
import { readTcgLog, TCG_LOG_PROTOTYPE } from '../windows/tcgLog.ts';
import { createTpmAttestor } from './attestor.ts';
import { readEventLog } from './eventLog.ts';
import type { Pipe } from './pipe.ts';
import { openSocketPipe } from './socketPipe.ts';
import { loadTbs, TBS_PROTOTYPES, tbsError } from './tbs.ts';
import { openTbsPipe } from './tbsPipe.ts';
import { createTpm } from './tpm.ts';

const CONTEXT = 0xabcdn;

/** tbs.dll over any pipe. */
function fakeTbs(pipe: Pipe | undefined, overrides: [string, FakeFunction][] = []) {
  const functions: [string, FakeFunction][] = [
    ['GetSystemDirectoryW', getSystemDirectory],
    ['Tbsi_GetDeviceInfo', ([size, info], memory) => deviceInfo(size, info, memory, 2)],
    [
      'Tbsi_Context_Create',
      ([parameters, out], memory) => {
        const [version, flags] = new Uint32Array(memory.bytes(parameters as bigint, 8).buffer);
        if (version !== 2 || flags !== 4) return 0x80284002;
        (out as unknown[])[0] = CONTEXT;
        return 0;
      },
    ],
    [
      'Tbsip_Submit_Command',
      async ([context, locality, priority, command, length, result, resultLength], memory) => {
        if (context !== CONTEXT || locality !== 0 || priority !== 200 || !pipe) return 0x80284004;
        const response = await pipe.submit(memory.bytes(command as bigint, Number(length)), 60_000);
        const room = new DataView(memory.bytes(resultLength as bigint, 4).buffer).getUint32(0, true);
        if (room < response.length) return 0x80284005;
        memory.set(result as bigint, response);
        memory.set(resultLength as bigint, new Uint8Array(new Uint32Array([response.length]).buffer));
        return 0;
      },
    ],
    ['Tbsip_Cancel_Commands', () => 0],
    ['Tbsip_Context_Close', ([context]) => (context === CONTEXT ? 0 : 0x80284004)],
    ['Tbsi_Get_OwnerAuth', () => 0x80284015],
  ];
  return createFakeFfi(new Map([...functions, ...overrides]));
}

function deviceInfo(size: unknown, info: unknown, memory: FakeMemory, version: number): number {
  if (size !== 16) return 0x80284002;
  memory.set(info as bigint, new Uint8Array(new Uint32Array([1, version, 5, 1]).buffer));
  return 0;
}

describe('the declarations of tbs.dll', () => {
  it('are prototypes that koffi takes', () => {
    const koffi = createRequire(import.meta.url)('koffi') as { proto(definition: string): unknown };
    for (const prototype of [...Object.values(TBS_PROTOTYPES), TCG_LOG_PROTOTYPE])
      expect(koffi.proto(prototype)).toBeDefined();
  });

  it('are loaded from System32 by absolute path, and from nowhere else', () => {
    const { ffi, loaded } = fakeTbs(undefined);
    loadTbs(ffi);
    expect(loaded).toEqual(['kernel32.dll', 'C:\\Windows\\System32\\tbs.dll']);
  });
});

describe('TBS failures in words', () => {
  it.each([
    [0x8028400f, 'tpm-missing'],
    [0x80284008, 'tpm-disabled'],
    [0x80284010, 'tpm-disabled'],
    [0x80284012, 'tpm-permission'],
    [0x8028400a, 'tpm-busy'],
    [0x8028400d, 'tpm-timeout'],
    [0x80280400, 'tpm-command-blocked'],
    [0x80284001, 'tpm-connection-lost'],
  ])('%i is %s', (result, code) => {
    expect(tbsError(result).code).toBe(code);
    expect(tbsError(result | 0).responseCode).toBe(result);
  });

  it('"no TPM" comes from the look at the device, before a context is made', async () => {
    const { ffi, calls } = fakeTbs(undefined, [['Tbsi_GetDeviceInfo', () => 0x8028400f | 0]]);
    await expect(openTbsPipe(ffi)).rejects.toMatchObject({ code: 'tpm-missing' });
    expect(calls.map(({ name }) => name)).not.toContain('Tbsi_Context_Create');
  });

  it('a TPM 1.2 is told apart', async () => {
    const { ffi, memory } = fakeTbs(undefined, [
      ['Tbsi_GetDeviceInfo', ([size, info], fake) => deviceInfo(size, info, fake, 1)],
    ]);
    await expect(openTbsPipe(ffi)).rejects.toMatchObject({ code: 'tpm-1.2' });
    expect(memory.leaked()).toBe(0);
  });

  it('gives the authorization of a hierarchy to administrators', async () => {
    const { ffi, memory } = fakeTbs(undefined, [
      [
        'Tbsi_Get_OwnerAuth',
        ([context, type, auth, length], fake) => {
          if (context !== CONTEXT || type !== 12) return 0x80284015;
          fake.set(auth as bigint, new Uint8Array([9, 8, 7]));
          fake.set(length as bigint, new Uint8Array([3, 0, 0, 0]));
          return 0;
        },
      ],
    ]);
    const pipe = await openTbsPipe(ffi);
    expect(pipe.hierarchyAuth?.(0x4000000b)).toEqual(new Uint8Array([9, 8, 7]));
    expect(pipe.hierarchyAuth?.(0x40000001)).toBeUndefined();
    expect(pipe.hierarchyAuth?.(0x4000000a)).toBeUndefined();
    await pipe.close();
    expect(memory.leaked()).toBe(0);
  });

  it('a command past its deadline is cancelled in the driver', async () => {
    const never = Promise.withResolvers<number>();
    const cancel = () => {
      never.resolve(0x8028400d);
      return 0;
    };
    const { ffi, calls } = fakeTbs(undefined, [
      ['Tbsip_Submit_Command', () => never.promise],
      ['Tbsip_Cancel_Commands', cancel],
    ]);
    const pipe = await openTbsPipe(ffi);
    const command = new Uint8Array([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 4]);
    await expect(pipe.submit(command, 30)).rejects.toMatchObject({ code: 'tpm-timeout' });
    await pipe.close();
    expect(calls.map(({ name }) => name).slice(-3)).toEqual([
      'Tbsip_Submit_Command',
      'Tbsip_Cancel_Commands',
      'Tbsip_Context_Close',
    ]);
  });
});

describe('the event log of Windows', () => {
  const LIMIT = 512 * 1024;
  const INSUFFICIENT = 0x80284005;
  const log = new Uint8Array(70_000).map((_, at) => at & 0xff);
  /** `asked` is what a question for the size answers: both are seen. */
  const holding = (content: Uint8Array, asked: number, result = 0) =>
    fakeTbs(undefined, [
      [
        'Tbsi_Get_TCG_Log_Ex',
        ([type, output, length], memory) => {
          if (type !== 0) return 1;
          const room = new DataView(memory.bytes(length as bigint, 4).buffer).getUint32(0, true);
          memory.set(length as bigint, new Uint8Array(new Uint32Array([content.length]).buffer));
          if (output === null && room === 0) return asked;
          if (room < content.length) return INSUFFICIENT;
          if (result === 0) memory.set(output as bigint, content);
          return result;
        },
      ],
    ]);

  it.each([0, INSUFFICIENT])('is read in the size that it has (asked: %i)', async (asked) => {
    const { ffi, memory, loaded } = holding(log, asked);
    expect(await readTcgLog(LIMIT, ffi)).toEqual(log);
    expect(loaded).toEqual(['kernel32.dll', 'C:\\Windows\\System32\\tbs.dll']);
    expect(memory.leaked()).toBe(0);
  });

  it.each([
    ['is empty', new Uint8Array(0), 0, 0],
    ['is longer than a proof carries', new Uint8Array(LIMIT + 1), 0, 0],
    ['cannot be sized', log, 0x80284001, 0],
    ['cannot be read after all', log, 0, 0x80284001],
  ])('is left out where it %s', async (_, content, asked, result) => {
    const { ffi, memory } = holding(content, asked, result);
    expect(await readTcgLog(LIMIT, ffi)).toBeUndefined();
    expect(memory.leaked()).toBe(0);
  });

  it('is what a quote carries there, and its absence ends nothing', async () => {
    const { ffi } = holding(log, 0);
    const windows = { platform: 'win32', readWindows: (limit: number) => readTcgLog(limit, ffi) } as const;
    expect(await readEventLog(windows)).toEqual(log);
    // A tbs.dll from before Windows 10 1803.
    const { ffi: older } = fakeTbs(undefined);
    const before = { ...windows, readWindows: (limit: number) => readTcgLog(limit, older) };
    expect(await readEventLog(before)).toBeUndefined();
    expect(await readEventLog({ platform: 'darwin' })).toBeUndefined();
  });
});

describe.skipIf(!has('swtpm'))('the verbs through TBS calls (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-tbs-'));
    software = await startSoftwareTpm({ folder });
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('enrol as on Linux, and give all memory back', async () => {
    const { ffi, memory, calls } = fakeTbs(await openSocketPipe({ host: '127.0.0.1', port: software.port }));
    const attestor = createTpmAttestor(createTpm(await openTbsPipe(ffi), { address: 'tbs:' }), { eventLog: false });
    const { eks } = await attestor.readEndorsement();
    const ak = await attestor.createAttestationKey();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made = makeCredential({ ekPublic: eks[0]?.publicKeySpki as Uint8Array, akName: ak.name, secret });
    const activated = await attestor.activateCredential(
      ak.key,
      eks[0]?.permanentIdentifier ?? '',
      made.credentialBlob,
      made.encryptedSecret,
    );
    expect(activated).toEqual(secret);
    await attestor.close();
    expect(calls.at(-1)?.name).toBe('Tbsip_Context_Close');
    expect(memory.leaked()).toBe(0);
  });
});
