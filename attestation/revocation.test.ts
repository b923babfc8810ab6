import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DER, der, derOid, derUnsigned } from './der.ts';
import { createTrustStore, parseRevocationList, type RevocationPolicy, verifyEkCertificate } from './index.ts';
import {
  AT,
  CA_EXTENSIONS,
  caExtension,
  certificate,
  EK_EXTENSIONS,
  EMPTY_NAME,
  extension,
  type Made,
  newKey,
  TRUE,
  usageExtension,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import { type RevocationListOptions, revocationList, revokedAt, revokedEntry } from './testing/revocationLists.ts';
import { has } from './testing/swtpm.ts';

const sequence = (...parts: Uint8Array[]) => der(DER.SEQUENCE, ...parts);
const root = certificate({ subject: 'Root', extensions: CA_EXTENSIONS });
const issuing = certificate({
  subject: 'Issuing',
  issuer: root,
  serial: new Uint8Array([7]),
  extensions: CA_EXTENSIONS,
});
const leaf = certificate({
  subject: EMPTY_NAME,
  issuer: issuing,
  serial: new Uint8Array([0, 0x9a, 1]),
  extensions: EK_EXTENSIONS,
});
const roots = createTrustStore({
  roots: [{ certificate: root.der, vendor: 'Infineon', source: 'administrator' }],
  intermediates: [issuing.der],
});
const judge = (lists: Uint8Array[], required?: boolean, more: { leaf?: Made; intermediates?: Uint8Array[] } = {}) => {
  const revocation: RevocationPolicy = { lists: lists.map(parseRevocationList), ...(required ? { required } : {}) };
  const { intermediates = [] } = more;
  return verifyEkCertificate((more.leaf ?? leaf).der, { roots, intermediates, at: AT, revocation });
};
const clean = [
  revocationList({ issuer: root }),
  revocationList({ issuer: issuing, entries: [revokedEntry([0x9a, 2])] }),
];

describe('revocation lists', () => {
  it('accept a chain that nobody revoked', () => {
    const { class: verdict, reasons } = judge(clean, true);
    expect(verdict).toBe('hardware');
    expect(reasons.join()).not.toContain('revocation');
  });

  it('are not looked at where none are given', () => {
    expect(verifyEkCertificate(leaf.der, { roots, at: AT }).reasons.join()).not.toContain('revocation');
  });

  it('refuse a revoked EK certificate, and a chain with a revoked authority', () => {
    const first = revokedEntry([1]);
    expect(refusal(() => judge([revocationList({ issuer: issuing, entries: [first, revokedEntry([0x9a, 1])] })]))).toBe(
      'revoked',
    );
    expect(refusal(() => judge([...clean, revocationList({ issuer: root, entries: [revokedEntry([7])] })]))).toBe(
      'revoked',
    );
  });

  it.each([
    ['by another key of the same name', { key: newKey() }],
    ['of another authority', { issuer: root }],
    ['that is out of date', { to: '2026-06-01T11:54:00Z' }],
    ['that is from the future', { from: '2026-06-01T12:06:00Z' }],
  ])('count only where they are right: one %s says nothing', (_, wrong) => {
    const lists = [revocationList({ issuer: issuing, entries: [revokedEntry([0x9a, 1])], ...wrong })];
    expect(judge(lists).reasons.join()).toContain('No current revocation list covers');
    expect(refusal(() => judge(lists, true))).toBe('revocation-unknown');
  });

  it('of an authority that may not sign lists say nothing', () => {
    const mute = certificate({ subject: 'Mute', issuer: root, extensions: [caExtension(), usageExtension(0x04)] });
    const below = certificate({ subject: EMPTY_NAME, issuer: mute, extensions: EK_EXTENSIONS });
    const lists = [revocationList({ issuer: mute, entries: [revokedEntry([0x21])] }), revocationList({ issuer: root })];
    const more = { leaf: below, intermediates: [mute.der] };
    expect(judge(lists, false, more).reasons.join()).toContain('covers 1 of');
    expect(refusal(() => judge(lists, true, more))).toBe('revocation-unknown');
  });

  it('are refused when they cover only a part: delta, indirect, of some reasons or some certificates', () => {
    const read = (...extensions: Uint8Array[]) =>
      refusal(() => parseRevocationList(revocationList({ issuer: root, extensions })));
    const scope = (...fields: Uint8Array[]) => extension('2.5.29.28', sequence(...fields), true);
    expect(read(extension('2.5.29.27', derUnsigned(new Uint8Array([1])), true))).toBe('unknown-critical-extension');
    expect(read(scope(der(0x84, new Uint8Array([0xff]))))).toBe('unknown-critical-extension');
    expect(read(scope(der(0x83, new Uint8Array([1, 6]))))).toBe('unknown-critical-extension');
    expect(read(scope(der(0x81, new Uint8Array([0xff]))))).toBe('unknown-critical-extension');
    expect(
      parseRevocationList(revocationList({ issuer: root, extensions: [scope(der(0xa0, der(0xa0)))] })).revoked.size,
    ).toBe(0);
    const critical = sequence(sequence(derOid('2.5.29.29'), TRUE, der(DER.OCTET_STRING, sequence())));
    const entries = [revokedEntry([1], critical)];
    expect(refusal(() => parseRevocationList(revocationList({ issuer: root, entries })))).toBe(
      'unknown-critical-extension',
    );
  });

  it('are refused when malformed', () => {
    const read = (more: Partial<RevocationListOptions>) =>
      refusal(() => parseRevocationList(revocationList({ issuer: root, ...more })));
    const number = extension('2.5.29.20', derUnsigned(new Uint8Array([1])));
    expect(read({ version: derUnsigned(new Uint8Array([0])) })).toBe('certificate-malformed');
    expect(read({ version: new Uint8Array(0) })).toBe('certificate-malformed');
    expect(read({ inner: sequence(derOid('1.2.840.10045.4.3.3')) })).toBe('certificate-malformed');
    expect(read({ tail: der(DER.NULL) })).toBe('certificate-malformed');
    expect(read({ entries: [sequence(derUnsigned(new Uint8Array([1])))] })).toBe('certificate-malformed');
    expect(read({ entries: [revokedEntry([1], sequence(der(DER.NULL)))] })).toBe('certificate-malformed');
    expect(read({ extensions: [number, number] })).toBe('duplicate-extension');
    expect(read({ algorithm: sequence(derOid('1.2.3')) })).toBe('unsupported-algorithm');
    expect(refusal(() => parseRevocationList(sequence()))).toBe('certificate-malformed');
    expect(refusal(() => parseRevocationList(new Uint8Array((4 << 20) + 1)))).toBe('too-large');
    const four = sequence(derUnsigned(new Uint8Array([1])), revokedAt, sequence(), der(DER.NULL));
    expect(read({ entries: [four] })).toBe('certificate-malformed');
  });

  it('signed with SHA-1 say nothing', () => {
    const sha1 = sequence(derOid('1.2.840.10045.4.1'));
    const old = revocationList({ issuer: issuing, entries: [revokedEntry([0x9a, 1])], algorithm: sha1 });
    expect(refusal(() => judge([old, revocationList({ issuer: root })], true))).toBe('revocation-unknown');
  });
});

describe.skipIf(!has('openssl'))('the lists of these tests (needs openssl)', () => {
  it('are what openssl takes for such', () => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-crl-'));
    try {
      writeFileSync(join(folder, 'list.crl'), revocationList({ issuer: root, entries: [revokedEntry([7])] }));
      const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(root.der).toString('base64')}\n-----END CERTIFICATE-----\n`;
      writeFileSync(join(folder, 'root.pem'), pem);
      const args = ['crl', '-inform', 'DER', '-in', 'list.crl', '-CAfile', 'root.pem', '-text', '-noout'];
      const { stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
      expect(stderr).toContain('verify OK');
      expect(stdout).toContain('Serial Number: 07');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
