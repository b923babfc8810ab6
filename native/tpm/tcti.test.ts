import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatTcti, parseTcti, sharesSlots } from './tcti.ts';
import { findLibrary, loaderName } from './tctiLibrary.ts';

describe('the allow-list of TCTI strings', () => {
  it.each([
    'device:/dev/tpmrm0',
    'device:/dev/tpm0',
    'tabrmd:',
    'tbs:',
    'swtpm:host=127.0.0.1,port=2321',
    'mssim:host=::1,port=2321',
    'swtpm:path=/run/user/1000/swtpm.sock',
  ])('takes %s', (text) => {
    expect(formatTcti(parseTcti(text))).toBe(text);
  });

  it('takes loopback where no host is named', () => {
    expect(parseTcti('swtpm:port=2321')).toEqual({ kind: 'swtpm', host: '127.0.0.1', port: 2321 });
  });

  it.each([
    '',
    ':',
    'device',
    'device:',
    'device:/dev/sda',
    'device:/dev/tpmrm0/../mem',
    'device:/tmp/tpmrm0',
    'cmd:/bin/sh -c id',
    '/tmp/evil.so:x',
    'libtss2-tcti-device.so.0:/dev/tpmrm0',
    'swtpm:host=192.0.2.1,port=2321',
    'swtpm:host=127.0.0.1,port=2321,host=192.0.2.1',
    'swtpm:host=127.0.0.1',
    'swtpm:port=0',
    'swtpm:port=99999',
    'swtpm:port=2321;x',
    'swtpm:path=/run/../etc/passwd',
    'swtpm:path=relative.sock',
    'tabrmd:bus_type=session',
    'SWTPM:port=2321',
  ])('refuses "%s"', (text) => {
    expect(() => parseTcti(text)).toThrow(expect.objectContaining({ code: 'tcti-refused' }));
  });

  it.each([undefined, null, 7, {}])('refuses what is no text at all: %s', (value) => {
    expect(() => parseTcti(value as never)).toThrow(expect.objectContaining({ code: 'tcti-refused' }));
  });

  it('knows where no resource manager stands in between', () => {
    const bare = ['device:/dev/tpm0', 'device:/dev/tpmrm0', 'swtpm:port=2321', 'tabrmd:'].map((text) =>
      sharesSlots(parseTcti(text)),
    );
    expect(bare).toEqual([true, false, true, false]);
  });
});

describe('libraries of tpm2-tss', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-libraries-'));
    await writeFile(join(folder, 'libtss2-tcti-device.so.0'), '', { mode: 0o644 });
    await writeFile(join(folder, 'libtss2-tctildr.so.0'), '', { mode: 0o666 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const name = 'libtss2-tcti-device.so.0';
  it.runIf(process.getuid?.() === 0)('are named by absolute path', () => {
    expect(findLibrary(name, ['/nowhere', folder])).toBe(join(folder, name));
    expect(loaderName({ kind: 'device', path: '/dev/tpmrm0' }, [folder])).toBe(`${folder}/${name}:/dev/tpmrm0`);
    expect(loaderName({ kind: 'tabrmd' }, [folder])).toBeUndefined();
  });

  it('are refused where someone other than root could have changed them', async () => {
    const { chmod } = await import('node:fs/promises');
    await chmod(join(folder, 'libtss2-tctildr.so.0'), 0o666);
    expect(() => findLibrary('libtss2-tctildr.so.0', [folder])).toThrow(
      expect.objectContaining({ code: 'tpm-library-untrusted' }),
    );
    await symlink(join(folder, 'libtss2-tctildr.so.0'), join(folder, 'libtss2-rc.so.0'));
    expect(() => findLibrary('libtss2-rc.so.0', [folder])).toThrow(
      expect.objectContaining({ code: 'tpm-library-untrusted' }),
    );
  });

  it('are looked for in fixed folders only', () => {
    process.env.LD_LIBRARY_PATH = folder;
    try {
      expect(findLibrary('libtss2-of-nobody.so.0')).toBeUndefined();
    } finally {
      delete process.env.LD_LIBRARY_PATH;
    }
  });
});
