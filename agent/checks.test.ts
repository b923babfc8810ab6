import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProblem, ManagedSettings } from '../app/managedSettings.ts';
import type { ManagedValues } from '../contract/index.ts';
import { checkAuthorities, checkDeviceAccess, checkName, checkPolicy, checkProxy, checkTpmLibrary } from './checks.ts';
import { withoutToken } from './managed.ts';
import { proxyOf } from './network.ts';

const managed = (profile: ManagedValues, problems: ManagedProblem[] = []) =>
  ({
    current: () => ({ profile, problems }),
    effective: (name: keyof ManagedValues) => profile[name],
  }) as unknown as ManagedSettings;

describe('checks of doctor', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-checks-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('the device: absent, open to everyone, or right', async () => {
    expect(await checkDeviceAccess(join(folder, 'absent'))).toMatchObject({
      status: 'fail',
      remedy: expect.stringContaining('firmware'),
    });
    const device = join(folder, 'tpmrm0');
    await writeFile(device, '');
    await chmod(device, 0o666);
    expect(await checkDeviceAccess(device)).toMatchObject({ status: 'warn', detail: expect.stringContaining('0666') });
    await chmod(device, 0o660);
    expect(await checkDeviceAccess(device)).toMatchObject({ status: 'pass' });
  });

  it.skipIf(process.getuid?.() === 0)('the device: for others only (not as root)', async () => {
    const device = join(folder, 'locked');
    await writeFile(device, '');
    await chmod(device, 0o000);
    expect(await checkDeviceAccess(device)).toMatchObject({ status: 'fail', remedy: expect.stringContaining('tss') });
  });

  it('tpm2-tss missing is a warning with the command that brings it', async () => {
    expect(await checkTpmLibrary(() => undefined)).toMatchObject({
      status: 'warn',
      remedy: expect.stringContaining('apt install'),
    });
    expect(await checkTpmLibrary(() => '/usr/lib/x.so')).toMatchObject({ status: 'pass' });
  });

  it('settings that do not count say where, which and why', async () => {
    expect(await checkPolicy(managed({}))).toMatchObject({ status: 'pass', detail: 'None are set.' });
    const problem = {
      location: '/etc/muster/managed-settings.json',
      name: null,
      reason: 'it may be written by others than root',
    };
    const found = await checkPolicy(managed({}, [problem]));
    expect(found).toMatchObject({ status: 'fail', detail: expect.stringContaining('written by others') });
    expect(
      (await checkPolicy(managed({ Team: 'x', ProvisioningToken: 'muster_provision_abcdefghijklmnop1234' }))).detail,
    ).not.toContain('abcdefgh');
  });

  it('the proxy: from the environment, from the settings, none, or nonsense', async () => {
    const env = { HTTPS_PROXY: 'http://proxy.example:3128' };
    expect((await checkProxy(managed({}), {})).detail).toBe('None is set.');
    expect((await checkProxy(managed({}), env)).detail).toContain('proxy.example:3128');
    expect((await checkProxy(managed({ Proxy: 'direct' }), env)).detail).toContain('None');
    expect((await checkProxy(managed({ Proxy: 'http://other.example:1' }), env)).detail).toContain('other.example:1');
    expect(await checkProxy(managed({}), { HTTPS_PROXY: 'proxy' })).toMatchObject({ status: 'fail' });
    expect(
      (await checkProxy(managed({}), { HTTPS_PROXY: 'http://me:secret@proxy.example:3128' })).detail,
    ).not.toContain('secret');
    expect(proxyOf('http://p:1', {})).toMatchObject({
      https_proxy: 'http://p:1',
      no_proxy: expect.stringContaining('127.0.0.1'),
    });
  });

  it('further authorities that cannot be read fail', async () => {
    expect(await checkAuthorities(managed({}))).toMatchObject({ status: 'pass' });
    expect(await checkAuthorities(managed({ ExtraCaFile: join(folder, 'absent.pem') }))).toMatchObject({
      status: 'fail',
    });
  });

  it('a command that uses the provisioning token itself hides it from the core', () => {
    const hidden = withoutToken(managed({ Team: 'x', ProvisioningToken: 'muster_provision_abcdefghijklmnop1234' }));
    expect(hidden.effective('ProvisioningToken')).toBeUndefined();
    expect(hidden.effective('Team')).toBe('x');
    expect(JSON.stringify(hidden.current())).not.toContain('abcdefgh');
  });

  it('a name that nobody knows', async () => {
    const unknown = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    expect(await checkName('https://a.example', unknown)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('ENOTFOUND'),
    });
    expect(await checkName('https://a.example', async () => 1)).toMatchObject({ status: 'pass' });
    expect(await checkName('http://[::1]:8080', unknown)).toMatchObject({ status: 'pass' });
    expect(await checkName(null)).toMatchObject({ status: 'warn' });
  });
});
