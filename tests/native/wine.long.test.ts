import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { OUTPUTS } from '../../agent/schemas.ts';
import {
  bundleForWindows,
  type Ran,
  removeAll,
  startWine,
  type Wine,
  windowsBinaries,
  windowsPath,
  wineInstalled,
} from './wine.ts';

const binaries = wineInstalled() ? windowsBinaries() : undefined;
const KEY = 'SOFTWARE\\Policies\\MusterProbe';
const UUID = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;

/** Wine has no TPM, so that is the right answer; what leads to it are the real calls into Windows' libraries. */
describe.skipIf(!binaries)(
  'on Windows, by Wine (needs wine, and the Windows Node and koffi from the npm registry)',
  () => {
    let folder: string;
    let wine: Wine;
    let node: string;
    let lib: string;
    const muster = (...args: string[]): Promise<Ran> => wine.run(node, windowsPath(join(lib, 'muster.mjs')), ...args);

    beforeAll(async () => {
      if (!binaries) return;
      folder = await mkdtemp(join(tmpdir(), 'muster-wine-'));
      wine = await startWine(folder);
      for (const candidate of binaries.nodes) {
        // Its exit code says nothing: Wine sometimes gives 0 for one that crashed.
        const { out } = await wine.run(windowsPath(candidate), '-p', '"started"');
        if (out.includes('started')) {
          node = windowsPath(candidate);
          break;
        }
      }
      if (!node) throw new Error('This Wine starts none of the Windows Nodes.');
      lib = await bundleForWindows(folder, binaries.koffi);
    }, 600_000);
    afterAll(async () => {
      await wine?.stop();
      if (folder) await removeAll(folder);
    }, 120_000);

    it('muster tpm info: no TPM here', async () => {
      const { code, out, err } = await muster('tpm', 'info', '--json');
      expect({ code, out }).toEqual({ code: EXIT.hardware, out: '' });
      expect(JSON.parse(err)).toMatchObject({
        error: { code: 'tpm-missing', advice: expect.stringContaining('firmware') },
      });
      const fingerprint = await muster('tpm', '--fingerprint');
      expect(fingerprint).toMatchObject({
        code: EXIT.hardware,
        out: '',
        err: expect.stringContaining('Windows finds no TPM'),
      });
    });

    it('muster identity: the machine by its firmware table', async () => {
      const { code, out, err } = await muster('identity', '--json');
      expect({ code, err }).toEqual({ code: EXIT.ok, err: '' });
      const { machine, tpm, unavailable } = OUTPUTS.identity.parse(JSON.parse(out));
      expect({ tpm, unavailable }).toEqual({ tpm: null, unavailable: 'Windows finds no TPM in this machine.' });
      expect(machine).toMatchObject({
        os: 'Windows',
        osVersion: expect.stringMatching(/Windows 10.*\(10\./),
        architecture: 'x64',
      });
      // Wine 8 makes one up, Wine 10 leaves all ones where the machine below has none: no identity, and said so.
      const { hardwareUuid } = machine;
      if ('value' in hardwareUuid) expect(hardwareUuid.value).toMatch(UUID);
      else expect(hardwareUuid).toMatchObject({ why: 'placeholder', unavailable: expect.stringContaining('UUID') });
    });

    it('muster doctor: every check answers, and none by a fault', async () => {
      const { code, out, err } = await muster('doctor', '--json');
      expect({ code, err }).toEqual({ code: EXIT.checkFailed, err: '' });
      const { status, checks } = OUTPUTS.doctor.parse(JSON.parse(out));
      expect(status).toBe('fail');
      expect(checks.find(({ id }) => id === 'tpm')).toMatchObject({
        status: 'fail',
        remedy: expect.stringMatching(/\w/),
      });
      expect(checks.filter(({ detail }) => /did not expect|undefined|TypeError/.test(detail))).toEqual([]);
    });

    it('muster status, schema and help work where no TPM is', async () => {
      expect(await muster('status')).toMatchObject({ code: EXIT.notEnrolled, out: 'This device is not enrolled.\n' });
      expect(await muster('--help')).toMatchObject({ code: EXIT.ok, err: '' });
    });

    it('calls what it declares of kernel32, shell32, ole32, advapi32, ncrypt, crypt32 and tbs', async () => {
      for (const [name, type, data] of [
        ['ServerUrl', 'REG_SZ', 'https://inventory.example'],
        ['Days', 'REG_DWORD', '7'],
      ] as const) {
        await wine.run('reg', 'add', `HKLM\\${KEY}`, '/v', name, '/t', type, '/d', data, '/f');
      }
      await wine.run('reg', 'add', `HKCU\\${KEY}\\nested`, '/v', 'list', '/t', 'REG_MULTI_SZ', '/d', 'a\\0b', '/f');
      const { code, out, err } = await wine.run(node, windowsPath(join(lib, 'probe.mjs')), KEY);
      // The probe ends by ExitProcess, as a command does whose TPM call is stuck.
      expect(code, err).toBe(9);
      const missing = { error: 'tpm-missing', message: 'Windows finds no TPM in this machine.' };
      expect(JSON.parse(out)).toMatchObject({
        systemFolder: expect.stringMatching(/^C:\\windows\\system32$/i),
        programFiles: 'C:\\Program Files',
        localAppData: expect.stringMatching(/^C:\\users\\.+\\AppData\\Local$/i),
        firmwareTable: { bytes: expect.any(Number), uuid: expect.stringMatching(UUID) },
        settings: {
          kind: 'read',
          layers: [
            { scope: 'machine', location: `HKLM\\${KEY}`, values: { ServerUrl: 'https://inventory.example', Days: 7 } },
            { scope: 'person', location: `HKCU\\${KEY}`, values: { nested: { list: ['a', 'b'] } } },
          ],
        },
        certificates: 0,
        tbs: missing,
        pipeProcess: missing,
        elevated: true,
        // "runas" with a quoted argument, waited for, and its exit code.
        elevatedExit: 7,
        // ERROR_PATH_NOT_FOUND: what GetLastError says survives the way through koffi.
        notStarted: { error: 'elevation-needed', message: expect.stringContaining('(error 3)') },
      });
    });
  },
);
