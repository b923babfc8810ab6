import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeFfi, type FakeFunction } from '../testing/fakeWindows.ts';
import { collectLinux, parseOsRelease } from './linux.ts';
import { collectMac, macFacts, parseIoreg, parseSwVers, parseSystemProfiler } from './mac.ts';
import { readMachine } from './readMachine.ts';
import { fact, isPlaceholder, uuidFact } from './report.ts';
import { parseRawSmbios, parseSmbiosTable } from './smbios.ts';
import { collectWindows } from './windows.ts';

describe('placeholder serials', () => {
  it.each([
    '',
    '  ',
    '0',
    '00000000',
    'None',
    'Not Specified',
    'To be filled by O.E.M.',
    'To Be Filled By O.E.M',
    'Default string',
    'System Serial Number',
    'Not Available',
    'N/A',
    '-1',
    '................',
    'XXXXXXXX',
    '0123456789',
    'unknown',
  ])('"%s" names no machine', (text) => expect(isPlaceholder(text)).toBe(true));

  it.each(['C02XL0GTJGH5', 'PF3ABCDE', '5CG0123XYZ', 'VMware-56 4d 1f', '0000A1'])('"%s" does', (text) =>
    expect(isPlaceholder(text)).toBe(false));

  it('are reported with what the maker left', () => {
    expect(fact('To be filled by O.E.M.', 'serial number')).toEqual({
      unavailable: 'This machine has no serial number: its maker left "To be filled by O.E.M." there.',
      why: 'placeholder',
    });
    expect(fact(' PF3ABCDE\n', 'serial number')).toEqual({ value: 'PF3ABCDE' });
    expect(fact('a\u0000b\u001b[31m', 'model')).toEqual({ value: 'a b [31m' });
  });

  it('exist for UUIDs too', () => {
    expect(uuidFact('4c4c4544-0044-4810-8031-b4c04f564432')).toEqual({ value: '4C4C4544-0044-4810-8031-B4C04F564432' });
    for (const text of [
      '00000000-0000-0000-0000-000000000000',
      'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
      '03000200-0400-0500-0006-000700080009',
      'nonsense',
      undefined,
    ]) {
      expect(uuidFact(text)).toHaveProperty('unavailable');
    }
  });
});

describe('Linux', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'muster-linux-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const put = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode });
  };

  it('reads DMI', async () => {
    await put('sys/class/dmi/id/sys_vendor', 'LENOVO\n');
    await put('sys/class/dmi/id/product_name', '21HDCTO1WW\n');
    await put('sys/class/dmi/id/product_serial', 'PF3ABCDE\n');
    await put('sys/class/dmi/id/product_uuid', '4c4c4544-0044-4810-8031-b4c04f564432\n');
    await put('etc/os-release', 'NAME="Ubuntu"\nVERSION_ID="26.04"\nPRETTY_NAME="Ubuntu 26.04 LTS"\n');
    await put('proc/cpuinfo', 'processor\t: 0\nflags\t\t: fpu vme sse2\n');
    const facts = await collectLinux(root);
    expect(facts).toEqual({
      os: 'Linux',
      osVersion: 'Ubuntu 26.04 LTS',
      manufacturer: { value: 'LENOVO' },
      model: { value: '21HDCTO1WW' },
      serial: { value: 'PF3ABCDE' },
      hardwareUuid: { value: '4C4C4544-0044-4810-8031-B4C04F564432' },
      virtualMachine: process.arch === 'x64' ? 'no' : 'unknown',
    });
  });

  it('reads the device tree where there is no DMI', async () => {
    await put('proc/device-tree/model', 'Raspberry Pi 5 Model B Rev 1.0\0');
    await put('proc/device-tree/serial-number', '10000000a1b2c3d4\0');
    const facts = await collectLinux(root);
    expect(facts.model).toEqual({ value: 'Raspberry Pi 5 Model B Rev 1.0' });
    expect(facts.serial).toEqual({ value: '10000000a1b2c3d4' });
    expect(facts.osVersion).toBe('unknown');
  });

  it('says that the serial is for root alone', async () => {
    const refused = async () => {
      throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
    };
    const { serial, hardwareUuid } = await collectLinux(root, refused);
    expect(serial).toEqual({ unavailable: expect.stringContaining('only root'), why: 'not-allowed' });
    expect(hardwareUuid).toEqual({ unavailable: expect.stringContaining('only root'), why: 'not-allowed' });
  });

  it.each([
    ['the CPU flag', 'proc/cpuinfo', 'flags\t\t: fpu hypervisor sse2\n'],
    ['the maker', 'sys/class/dmi/id/sys_vendor', 'QEMU\n'],
    ['the model', 'sys/class/dmi/id/product_name', 'VMware Virtual Platform\n'],
    ['Xen', 'sys/hypervisor/type', 'xen\n'],
  ])('knows a virtual machine by %s', async (_, path, text) => {
    await put(path, text);
    expect((await collectLinux(root)).virtualMachine).toBe('yes');
  });

  it('reads os-release as shells do', () => {
    expect(parseOsRelease('NAME=Fedora\nVERSION_ID=43\n# PRETTY_NAME=no\n')).toBe('Fedora 43');
    expect(parseOsRelease('PRETTY_NAME="A \\"quoted\\" name"')).toBe('A "quoted" name');
  });
});

const IOREG_M3 = `+-o J514sAP  <class IOPlatformExpertDevice, id 0x10000011b, registered, matched, active, busy 0 (201346 ms), retain 39>
    {
      "IOPlatformSystemSleepPolicy" = <534c505402000a000700000000000000>
      "compatible" = <"J514sAP","Mac15,8","AppleARM">
      "platform-name" = <"t6031">
      "IOPlatformUUID" = "A1B2C3D4-1122-3344-5566-77889900AABB"
      "serial-number" = <48334c51000000000000000000484c51304a3700000000000000000000000000000000000000000000>
      "IOPlatformSerialNumber" = "H3LQ7HLQ0J"
      "manufacturer" = <"Apple Inc.">
      "model" = <"Mac15,8">
      "target-type" = <"J514s">
    }
`;
const IOREG_INTEL = `+-o MacBookPro16,1  <class IOPlatformExpertDevice, id 0x100000116, registered, matched, active, busy 0 (0 ms), retain 30>
  | {
  |   "manufacturer" = <"Apple Inc.">
  |   "compatible" = <"MacBookPro16,1">
  |   "IOPlatformSerialNumber" = "C02ZX1Y2MD6T"
  |   "IOPlatformUUID" = "564D1F00-AAAA-5BBB-8CCC-112233445566"
  |   "model" = <"MacBookPro16,1">
  | }
`;
const profile = (fields: Record<string, unknown>) =>
  JSON.stringify({ SPHardwareDataType: [{ _name: 'hardware_overview', ...fields }] });
const PROFILE_M3 = profile({
  activation_lock_status: 'activation_lock_enabled',
  boot_rom_version: '13822.1.2',
  chip_type: 'Apple M3 Max',
  machine_model: 'Mac15,8',
  machine_name: 'MacBook Pro',
  model_number: 'Z1CM000',
  number_processors: 'proc 16:12:4:0',
  platform_UUID: 'A1B2C3D4-1122-3344-5566-77889900AABB',
  provisioning_UDID: '00006031-001A2B3C4D5E6F70',
  serial_number: 'H3LQ7HLQ0J',
});
const PROFILE_INTEL = profile({
  machine_model: 'MacBookPro16,1',
  cpu_type: '8-Core Intel Core i9',
  number_processors: 8,
  platform_UUID: '564D1F00-AAAA-5BBB-8CCC-112233445566',
  provisioning_UDID: '564D1F00-AAAA-5BBB-8CCC-112233445566',
  serial_number: 'C02ZX1Y2MD6T',
});
const PROFILE_VIRTUAL = profile({
  chip_type: 'Apple M2 Pro (Virtual)',
  machine_model: 'VirtualMac2,1',
  number_processors: 4,
  platform_UUID: '0F0E0D0C-0B0A-4908-8706-050403020100',
  provisioning_UDID: '0000FE00-9F9E9D9C9B9A9998',
  serial_number: 'Not Available',
});
const SW_VERS = 'ProductName:\t\tmacOS\nProductVersion:\t\t26.1\nBuildVersion:\t\t25B78\n';

describe('macOS', () => {
  it('reads Apple silicon, with the UDID that Apple attests', async () => {
    const outputs: Record<string, string> = { ioreg: IOREG_M3, system_profiler: PROFILE_M3, sw_vers: SW_VERS };
    const paths: string[] = [];
    const facts = await collectMac(async (path) => {
      paths.push(path);
      return outputs[path.split('/').at(-1) ?? ''] ?? '';
    });
    expect(facts).toEqual({
      os: 'macOS',
      osVersion: 'macOS 26.1 (25B78)',
      manufacturer: { value: 'Apple Inc.' },
      model: { value: 'Mac15,8' },
      serial: { value: 'H3LQ7HLQ0J' },
      hardwareUuid: { value: 'A1B2C3D4-1122-3344-5566-77889900AABB' },
      provisioningUdid: { value: '00006031-001A2B3C4D5E6F70' },
      virtualMachine: 'no',
    });
    expect(paths.every((path) => path.startsWith('/usr/'))).toBe(true);
  });

  it('reads Intel, whose provisioning UDID joins with nothing', () => {
    const facts = macFacts(parseIoreg(IOREG_INTEL), parseSystemProfiler(PROFILE_INTEL), parseSwVers(SW_VERS));
    expect(facts.serial).toEqual({ value: 'C02ZX1Y2MD6T' });
    expect(facts.model).toEqual({ value: 'MacBookPro16,1' });
    expect(facts.provisioningUdid).toHaveProperty('unavailable');
    expect(facts.virtualMachine).toBe('no');
  });

  it('names a virtual Mac as such', () => {
    const facts = macFacts({}, parseSystemProfiler(PROFILE_VIRTUAL), 'unknown');
    expect(facts.virtualMachine).toBe('yes');
    expect(facts.serial).toHaveProperty('unavailable');
    expect(facts.provisioningUdid).toHaveProperty('unavailable');
  });

  it('goes on when a program fails or prints something else', async () => {
    const facts = await collectMac(async (path) => {
      if (path.includes('ioreg')) return IOREG_M3;
      if (path.includes('profiler')) return 'Usage: system_profiler';
      throw new Error('ENOENT');
    });
    expect(facts.serial).toEqual({ value: 'H3LQ7HLQ0J' });
    expect(facts.osVersion).toBe('unknown');
    expect(macFacts({}, {}, 'unknown').virtualMachine).toBe('unknown');
  });

  it('is not led astray by a key inside another value', () => {
    const text = '"note" = "\\"IOPlatformSerialNumber\\" = \\"FAKE\\""\n  "IOPlatformSerialNumber" = "REAL1234"\n';
    expect(parseIoreg(text).serial).toBe('REAL1234');
  });
});

/** One SMBIOS structure: fixed part after type, length and handle, then its strings. */
function structure(type: number, fixed: number[], strings: string[]): number[] {
  const text = strings.flatMap((item) => [...Buffer.from(item), 0]);
  return [type, fixed.length + 4, 0, 0, ...fixed, ...(strings.length > 0 ? text : [0]), 0];
}
const UUID_BYTES = [0x44, 0x45, 0x4c, 0x4c, 0x44, 0x00, 0x10, 0x48, 0x80, 0x31, 0xb4, 0xc0, 0x4f, 0x56, 0x44, 0x32];
const TABLE = new Uint8Array([
  ...structure(0, [1, 2, 0, 0xe0, 3, 0xff, ...new Array(8).fill(0), 0, 0x0c], ['Dell Inc.', '1.20.0', '01/01/2026']),
  ...structure(1, [1, 2, 3, 4, ...UUID_BYTES, 6, 0, 0], ['Dell Inc.', 'Latitude 7440', '1.0', 'ABC1234']),
  ...structure(2, [1, 2, 3, 4], ['Dell Inc.', '0XYZ12', 'A00', '/ABC1234/CN1/']),
  ...structure(127, [], []),
]);
const raw = (table: Uint8Array, major = 3, minor = 4) => {
  const header = new Uint8Array(8);
  header.set([0, major, minor, 0]);
  new DataView(header.buffer).setUint32(4, table.length, true);
  return new Uint8Array([...header, ...table]);
};

describe('SMBIOS', () => {
  it('reads the table that Windows gives, with the UUID in the order that people read', () => {
    expect(parseRawSmbios(raw(TABLE))).toMatchObject({
      manufacturer: 'Dell Inc.',
      product: 'Latitude 7440',
      serial: 'ABC1234',
      uuid: '4C4C4544-0044-4810-8031-B4C04F564432',
      boardProduct: '0XYZ12',
      biosVersion: '1.20.0',
      virtual: false,
    });
  });

  it('takes the UUID as it lies before SMBIOS 2.6', () => {
    expect(parseSmbiosTable(TABLE, 0x0205).uuid).toBe('44454C4C-4400-1048-8031-B4C04F564432');
  });

  it('ends quietly at any point where the bytes end', () => {
    const whole = raw(TABLE);
    for (let length = 0; length <= whole.length; length += 1)
      expect(() => parseRawSmbios(whole.slice(0, length))).not.toThrow();
    expect(parseRawSmbios(new Uint8Array(4096).fill(0xff))).toEqual({});
  });

  const firmware = (table: Uint8Array): [string, FakeFunction][] => [
    [
      'GetSystemFirmwareTable',
      ([provider, , buffer, size], memory) => {
        if (provider !== 0x52534d42) return 0;
        if (buffer !== null && Number(size) >= table.length) memory.set(buffer as bigint, table);
        return table.length;
      },
    ],
  ];

  it('comes from the firmware table by a call, not from a shell', () => {
    const { ffi, calls, loaded, memory } = createFakeFfi(new Map(firmware(raw(TABLE))));
    expect(collectWindows(ffi, { name: 'Windows 11 Pro', release: '10.0.26100' })).toEqual({
      os: 'Windows',
      osVersion: 'Windows 11 Pro (10.0.26100)',
      manufacturer: { value: 'Dell Inc.' },
      model: { value: 'Latitude 7440' },
      serial: { value: 'ABC1234' },
      hardwareUuid: { value: '4C4C4544-0044-4810-8031-B4C04F564432' },
      virtualMachine: 'no',
    });
    expect(calls.map(({ args }) => args[3])).toEqual([0, raw(TABLE).length]);
    expect(loaded).toEqual(['kernel32.dll']);
    expect(memory.leaked()).toBe(0);
  });

  it('is unavailable where Windows gives none', () => {
    const { ffi } = createFakeFfi(new Map(firmware(new Uint8Array(0))));
    const facts = collectWindows(ffi, { name: 'Windows', release: '10' });
    expect(facts.serial).toHaveProperty('unavailable');
    expect(facts.virtualMachine).toBe('unknown');
  });

  it('falls back to the chassis and board where the system serial is a placeholder', () => {
    const table = new Uint8Array([
      ...structure(
        1,
        [1, 2, 0, 3, ...UUID_BYTES, 6, 0, 0],
        ['Microsoft Corporation', 'Virtual Machine', 'Default string'],
      ),
      ...structure(3, [1, 3, 0, 2], ['Microsoft Corporation', '0000-1111-2222']),
      ...structure(127, [], []),
    ]);
    const { ffi } = createFakeFfi(new Map(firmware(raw(table))));
    const facts = collectWindows(ffi, { name: 'Windows', release: '10' });
    expect(facts.serial).toEqual({ value: '0000-1111-2222' });
    expect(facts.virtualMachine).toBe('yes');
  });
});

describe('readMachine', () => {
  it('refuses a platform that it does not know', async () => {
    await expect(readMachine('aix')).rejects.toMatchObject({ code: 'platform-unsupported' });
  });
  it('adds host name and architecture', async () => {
    const facts = macFacts(parseIoreg(IOREG_M3), parseSystemProfiler(PROFILE_M3), 'macOS 26.1');
    const report = await readMachine('darwin', async () => facts);
    expect(report.hostName.length).toBeGreaterThan(0);
    expect(report.architecture).toBe(process.arch);
  });
});
