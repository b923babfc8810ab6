import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { macProfile } from './index.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let folder: string;

function openssl(...args: string[]): string {
  const run = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  expect(run.status, `openssl ${args.join(' ')}: ${run.stderr}`).toBe(0);
  return run.stdout;
}

const settings = { ServerUrl: 'https://muster.example', Team: 'Zürich', Defaults: { StartAtLogin: true } };
const profile = (sign?: { p12: Uint8Array; password: string }, now = new Date()) =>
  macProfile({
    settings,
    organization: 'Müller & Söhne <GmbH>',
    uuid: () => '6F1E2C7A-0B5D-4C1E-9A57-3D0C6B0E4A11',
    now,
    ...(sign ? { sign } : {}),
  });

describe('a profile for Macs', () => {
  it('is XML with the settings, escaped', () => {
    const xml = new TextDecoder().decode(profile());
    expect(xml).toContain('<string>Müller &amp; Söhne &lt;GmbH&gt;</string>');
    expect(xml).toContain('<key>ServerUrl</key>');
  });

  it('is not made of settings that a Mac would leave out, and does not repeat a secret', () => {
    const token = 'muster_provision_short';
    const make = () =>
      macProfile({ settings: { ProvisioningToken: token }, organization: 'x', uuid: () => 'X', now: new Date() });
    expect(make).toThrow(/ProvisioningToken must be a provisioning token/);
    expect(make).not.toThrow(new RegExp(token));
  });
});

describe.skipIf(!hasOpenssl)('a signed profile (needs openssl)', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'muster-profile-'));
    const rsa = ['-newkey', 'rsa:2048', '-nodes', '-days', '30'];
    openssl('req', '-x509', ...rsa, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA');
    openssl('req', ...rsa, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=Test signer');
    writeFileSync(join(folder, 'ext'), 'keyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-extfile',
      'ext',
      '-out',
      'leaf.pem',
    );
    const bundle = ['-in', 'leaf.pem', '-inkey', 'leaf.key', '-certfile', 'ca.pem', '-passout', 'pass:geheim'];
    openssl('pkcs12', '-export', ...bundle, '-out', 'rsa.p12');
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'ec.key',
      '-out',
      'ec.pem',
      '-subj',
      '/CN=EC',
    );
    openssl('pkcs12', '-export', '-in', 'ec.pem', '-inkey', 'ec.key', '-passout', 'pass:geheim', '-out', 'ec.p12');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const p12 = (name: string) => new Uint8Array(readFileSync(join(folder, name)));

  it('verifies with openssl (smime and cms), up to the CA, and holds the same profile', () => {
    writeFileSync(join(folder, 'signed.mobileconfig'), profile({ p12: p12('rsa.p12'), password: 'geheim' }));
    for (const command of ['smime', 'cms']) {
      openssl(
        command,
        '-verify',
        '-binary',
        '-inform',
        'DER',
        '-in',
        'signed.mobileconfig',
        '-CAfile',
        'ca.pem',
        '-out',
        'plain',
      );
      expect(new Uint8Array(readFileSync(join(folder, 'plain')))).toEqual(profile());
    }
    const details = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'signed.mobileconfig');
    expect(details).toContain('sha256');
    expect(details).toContain('signingTime');
  });

  it('does not verify after a change of one byte', () => {
    const bytes = Buffer.from(profile({ p12: p12('rsa.p12'), password: 'geheim' }));
    const at = bytes.indexOf('muster.example');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(join(folder, 'changed'), bytes);
    const run = spawnSync('openssl', ['cms', '-verify', '-inform', 'DER', '-in', 'changed', '-CAfile', 'ca.pem'], {
      cwd: folder,
    });
    expect(run.status).not.toBe(0);
  });

  it.each([
    ['a wrong password', 'rsa.p12', 'falsch', undefined, /password is wrong/],
    ['a key on an elliptic curve', 'ec.p12', 'geheim', undefined, /RSA/],
    ['a certificate that has run out', 'rsa.p12', 'geheim', new Date('2090-01-01'), /valid from/],
  ])('says what is wrong with %s', (_name, file, password, now, reason) => {
    expect(() => profile({ p12: p12(file), password }, now)).toThrow(reason);
    expect(() => profile({ p12: p12(file), password }, now)).toThrow(
      expect.objectContaining({ code: 'configuration' }),
    );
  });
});
