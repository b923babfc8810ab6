import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ManagedProblem, type ManagedSettings, openManagedSettings } from '../app/managedSettings.ts';
import { silentLogger } from '../app/node/logger.ts';
import type { EnrollmentRecord } from '../app/records.ts';
import type { ManagedValues } from '../contract/index.ts';
import { NativeError } from '../native/errors.ts';
import type { TpmServiceClient } from '../native/service/client.ts';
import { linuxSettings } from '../native/settings/linuxFile.ts';
import { checkAuthorities, checkDeviceAccess, checkName, checkPolicy, checkProxy, checkTpmLibrary } from './checks.ts';
import { withoutToken } from './managed.ts';
import { proxyOf } from './network.ts';
import { checkThroughService } from './serviceChecks.ts';
import { needingTpmItself } from './throughService.ts';

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

  it.skipIf(process.getuid?.() !== 0)(
    'the device: of a group without this account, or of no group (needs root)',
    async () => {
      // Started as root, so that the checkout can be read; looks as a person without the group.
      const module = new URL('./checks.ts', import.meta.url).href;
      const look = async (device: string) => {
        const program = `import { checkDeviceAccess } from ${JSON.stringify(module)};
process.setgroups([]); process.setgid(54321); process.setuid(54321);
process.stdout.write(JSON.stringify(await checkDeviceAccess(${JSON.stringify(device)})));`;
        const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 60_000 });
        return JSON.parse((await run).stdout) as unknown;
      };
      await chmod(folder, 0o755);
      const device = join(folder, 'locked');
      await writeFile(device, '');
      await chown(device, 0, 4242);
      await chmod(device, 0o660);
      expect(await look(device)).toMatchObject({
        status: 'fail',
        remedy: expect.stringMatching(/muster-tpm.*usermod -aG tss/),
      });
      await chown(device, 0, 0);
      await chmod(device, 0o600);
      expect(await look(device)).toMatchObject({ status: 'fail', remedy: expect.stringContaining('udev rule') });
    },
  );

  it('the service: who holds the enrolment, and what that means here', async () => {
    const service = (by: 'nobody' | 'you' | 'agent' | 'another') =>
      ({
        enrolment: async () => ({ by, origin: by === 'nobody' ? null : 'https://a.example' }),
        readEndorsement: () => Promise.reject(new NativeError('tpm-timeout', 'The TPM does not answer.')),
        close: async () => undefined,
      }) as unknown as TpmServiceClient;
    const enrolled = { deviceKey: { kind: 'tpm' } } as EnrollmentRecord;
    const first = async (by: Parameters<typeof service>[0], record?: EnrollmentRecord) =>
      (await checkThroughService(record, async () => service(by)))?.[0];
    expect(await checkThroughService(undefined, async () => undefined)).toBeUndefined();
    expect(await first('nobody')).toMatchObject({ status: 'pass' });
    expect(await first('you', enrolled)).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining('https://a.example'),
    });
    expect(await first('agent')).toMatchObject({ status: 'warn', remedy: expect.stringContaining('service release') });
    expect(await first('another', enrolled)).toMatchObject({ status: 'fail' });
    expect((await checkThroughService(undefined, async () => service('nobody')))?.map(({ status }) => status)).toEqual([
      'pass',
      'fail',
    ]);
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

  it('a command that needs the TPM itself says so where the service keeps it', async () => {
    const own = () => Promise.reject(new NativeError('tpm-permission', 'This account may not use it.'));
    const values = { flags: new Set<string>(), texts: new Map<string, string>(), rest: [] };
    const service = { close: async () => undefined } as unknown as TpmServiceClient;
    await expect(needingTpmItself(values, own, async () => service)).rejects.toMatchObject({
      code: 'tpm-permission',
      advice: 'Run it with sudo.',
    });
    await expect(needingTpmItself(values, own, async () => undefined)).rejects.toThrow('may not use it');
  });

  it('a policy file that others may write is refused, and the reason stands in the report', async () => {
    const file = join(folder, 'managed-settings.json');
    await writeFile(file, '{"Team":"example"}');
    await chmod(file, 0o666);
    const settings = await openManagedSettings(linuxSettings({ paths: [file] }), silentLogger);
    try {
      const found = await checkPolicy(settings);
      expect(found).toMatchObject({
        status: 'fail',
        detail: expect.stringContaining(file),
        remedy: expect.stringContaining('IT'),
      });
      expect(found.detail.replace(file, '')).toMatch(/may write it|belong/);
    } finally {
      settings.close();
    }
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
