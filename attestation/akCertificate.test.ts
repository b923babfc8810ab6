import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OID } from './certificate.ts';
import { alternativeNamesOf, extendedKeyUsageOf } from './extensions.ts';
import {
  createAttestationCa,
  createIssuingAuthority,
  ekUri,
  issueAkCertificate,
  parseCertificate,
  verifyAkCertificate,
} from './index.ts';
import { spkiOf } from './spki.ts';
import {
  certificate,
  EMPTY_NAME,
  nameExtension,
  permanentName,
  purposeExtension,
  tpmNames,
  uriName,
  usageExtension,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import { eccKey, rsaKey } from './testing/softTpm.ts';
import { has } from './testing/swtpm.ts';

const at = new Date('2026-06-01T12:00:00Z');
const ca = createAttestationCa({ name: 'Test Attestation', at });
const akPublic = spkiOf(eccKey().area);
const urn = ekUri(spkiOf(rsaKey().area));
const tpm = { manufacturer: 'id:49465800', model: 'SLB 9670', version: 'id:000D' };
const issue = (more: Partial<Parameters<typeof issueAkCertificate>[0]> = {}) =>
  issueAkCertificate({ issuer: ca.issuing, akPublic, permanentIdentifier: urn, tpm, at, ...more });
const check = (leaf: Uint8Array, more: Partial<Parameters<typeof verifyAkCertificate>[0]> = {}) =>
  verifyAkCertificate({
    chain: [leaf, ca.issuing.certificate],
    roots: [ca.root.certificate],
    at,
    permanentIdentifier: urn,
    akSpki: akPublic,
    ...more,
  });

describe('certificates of attestation keys', () => {
  it('carry what step-ca, tpmkms and WebAuthn demand', () => {
    const parsed = parseCertificate(issue());
    expect([parsed.version, parsed.subject, parsed.irregularities]).toEqual([3, EMPTY_NAME, []]);
    expect(extendedKeyUsageOf(parsed)?.[0]).toBe(OID.AK_CERTIFICATE);
    expect(alternativeNamesOf(parsed)).toEqual({ uris: [urn], permanentIdentifiers: [urn], tpm });
    expect(parsed.extensions.find(({ oid }) => oid === OID.SUBJECT_ALT_NAME)?.critical).toBe(true);
    expect([parsed.notBefore.toISOString(), parsed.notAfter.toISOString()]).toEqual([
      '2026-06-01T11:55:00.000Z',
      '2026-06-02T12:00:00.000Z',
    ]);
  });

  it('are verified against the authority that issued them', () => {
    const verified = check(issue());
    expect([verified.permanentIdentifier, verified.tpm, verified.path.length]).toEqual([urn, tpm, 3]);
  });

  it('never share a serial number', () => {
    const serials = Array.from({ length: 20 }, () => Buffer.from(parseCertificate(issue()).serial).toString('hex'));
    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => serial.length === 32)).toBe(true);
  });

  it('survive the odd vendor strings of real TPMs', () => {
    const odd = check(issue({ tpm: { manufacturer: 'id:53544D20', model: '\0\0\x01', version: ' 7.\u00e92 ' } }));
    expect(odd.tpm).toEqual({ manufacturer: 'id:53544D20', model: 'unknown', version: '7.2' });
    expect(check(issue({ tpm: {} })).tpm.manufacturer).toBe('unknown');
  });

  it('are issued for RSA keys, by RSA and P-384 authorities, and beyond 2049', () => {
    expect(check(issue({ akPublic: spkiOf(rsaKey().area) }), { akSpki: spkiOf(rsaKey().area) }).path).toHaveLength(3);
    for (const key of [
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    ]) {
      const root = certificate({
        subject: 'Root',
        key,
        extensions: ca.root ? [parseExtension(ca.root.certificate)] : [],
      });
      const later = issue({ issuer: { certificate: root.der, key }, lifetimeMs: 40 * 365 * 86_400_000 });
      expect(check(later, { chain: [later], roots: [root.der] }).path).toHaveLength(2);
    }
    const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
    expect(refusal(() => issue({ issuer: { certificate: ca.root.certificate, key: p521 } }))).toBe(
      'unsupported-algorithm',
    );
  });

  it('are valid for a day by default, and refused before and after', () => {
    const leaf = issue();
    expect(refusal(() => check(leaf, { at: new Date('2026-06-02T12:06:00Z') }))).toBe('expired');
    expect(refusal(() => check(leaf, { at: new Date('2026-06-01T11:49:00Z') }))).toBe('not-yet-valid');
  });

  it('are refused a lifetime that clients would renew at once', () => {
    expect(refusal(() => issue({ lifetimeMs: 300_000, backdateMs: 300_000 }))).toBe('bad-argument');
    expect(refusal(() => issue({ backdateMs: -1 }))).toBe('bad-argument');
    expect(refusal(() => issue({ permanentIdentifier: 'C02XG0FDH7JY' }))).toBe('identifier-malformed');
  });

  it('refuses one with a changed byte', () => {
    const leaf = issue();
    const text = Buffer.from(leaf).toString('latin1').replace('SLB 9670', 'SLB 9999');
    expect(refusal(() => check(new Uint8Array(Buffer.from(text, 'latin1'))))).toMatch(/no-path|bad-signature/);
  });

  it('refuses one of another authority, also of the same name', () => {
    const other = createAttestationCa({ name: 'Test Attestation', at });
    const foreign = issueAkCertificate({ issuer: other.issuing, akPublic, permanentIdentifier: urn, tpm, at });
    expect(refusal(() => check(foreign))).toBe('no-path');
    expect(refusal(() => check(foreign, { chain: [foreign, other.issuing.certificate, other.root.certificate] }))).toBe(
      'no-path',
    );
  });

  it('refuses one for another device or another key', () => {
    expect(refusal(() => check(issue(), { permanentIdentifier: ekUri(akPublic) }))).toBe('identifier-mismatch');
    expect(refusal(() => check(issue(), { akSpki: spkiOf(rsaKey().area) }))).toBe('key-mismatch');
  });

  it('refuses one that names no device when a device is expected', () => {
    const bare = certificate({
      subject: EMPTY_NAME,
      issuer: own(),
      extensions: [purposeExtension(OID.AK_CERTIFICATE), nameExtension(tpmNames())],
    });
    expect(refusal(() => check(bare.der))).toBe('identifier-mismatch');
    expect(
      verifyAkCertificate({ chain: [bare.der, ca.issuing.certificate], roots: [ca.root.certificate], at })
        .permanentIdentifier,
    ).toBeUndefined();
  });

  it('refuses a PermanentIdentifier without the URI, or two of them', () => {
    const purpose = purposeExtension(OID.AK_CERTIFICATE);
    const noUri = certificate({
      subject: EMPTY_NAME,
      issuer: own(),
      extensions: [purpose, nameExtension(tpmNames(), permanentName(urn))],
    });
    expect(refusal(() => check(noUri.der))).toBe('identifier-mismatch');
    const names = nameExtension(tpmNames(), permanentName(urn), permanentName(ekUri(akPublic)), uriName(urn));
    expect(
      refusal(() => check(certificate({ subject: EMPTY_NAME, issuer: own(), extensions: [purpose, names] }).der)),
    ).toBe('subject-alternative-name');
  });

  it('refuses an AK certificate with a subject, another purpose, or without TPM attributes', () => {
    const make = (options: Parameters<typeof certificate>[0]) =>
      certificate({ subject: EMPTY_NAME, issuer: own(), ...options }).der;
    const purpose = purposeExtension(OID.AK_CERTIFICATE);
    expect(refusal(() => check(make({ subject: 'Name', extensions: [purpose, nameExtension(tpmNames())] })))).toBe(
      'subject-alternative-name',
    );
    expect(refusal(() => check(make({ extensions: [nameExtension(tpmNames())] })))).toBe('extended-key-usage');
    expect(
      refusal(() =>
        check(make({ extensions: [purposeExtension('1.2.3', OID.AK_CERTIFICATE), nameExtension(tpmNames())] })),
      ),
    ).toBe('extended-key-usage');
    expect(refusal(() => check(make({ extensions: [purpose] })))).toBe('subject-alternative-name');
    expect(refusal(() => check(make({ extensions: [purpose, nameExtension(tpmNames('id:1', ''))] })))).toBe(
      'subject-alternative-name',
    );
    expect(refusal(() => check(make({ extensions: [usageExtension(0x04), purpose, nameExtension(tpmNames())] })))).toBe(
      'ca-as-leaf',
    );
  });

  it('refuses an empty or endless chain, and certificates out of order', () => {
    const leaf = issue();
    expect(refusal(() => check(leaf, { chain: [] }))).toBe('wrong-chain');
    expect(refusal(() => check(leaf, { chain: Array(10).fill(leaf) }))).toBe('path-too-long');
    expect(refusal(() => check(leaf, { chain: [leaf, ca.root.certificate, ca.issuing.certificate] }))).toBe(
      'wrong-chain',
    );
    expect(refusal(() => check(leaf, { chain: [leaf, ca.issuing.certificate, leaf] }))).toBe('wrong-chain');
    expect(refusal(() => check(leaf, { chain: [ca.issuing.certificate, leaf] }))).toBe('subject-alternative-name');
  });

  it('survive a rotation of the issuing authority', () => {
    const next = createIssuingAuthority({ name: 'Next', at, years: 5, root: ca.root });
    const leaf = issue({ issuer: next });
    expect(check(leaf, { chain: [leaf, next.certificate] }).path).toHaveLength(3);
  });

  it('of one authority are never trusted through the root of another', () => {
    const other = createAttestationCa({ name: 'Unproven', at });
    const leaf = issueAkCertificate({ issuer: other.issuing, akPublic, permanentIdentifier: urn, tpm, at });
    expect(
      refusal(() =>
        verifyAkCertificate({ chain: [leaf, other.issuing.certificate], roots: [ca.root.certificate], at }),
      ),
    ).toBe('no-path');
  });

  it.skipIf(!has('openssl'))('are accepted by openssl in strict mode (needs openssl)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-ak-'));
    try {
      const pem = (der: Uint8Array) =>
        `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
      writeFileSync(join(folder, 'root.pem'), pem(ca.root.certificate));
      writeFileSync(join(folder, 'issuing.pem'), pem(ca.issuing.certificate));
      writeFileSync(join(folder, 'leaf.pem'), pem(issue()));
      const time = String(at.getTime() / 1000);
      const answer = execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-attime', time, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem'],
        { cwd: folder },
      );
      expect(answer.toString()).toContain('OK');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** The issuing authority as the signer of hand-made certificates. */
function own() {
  return {
    der: ca.issuing.certificate,
    key: ca.issuing.key,
    subject: parseCertificate(ca.issuing.certificate).subject,
  };
}

/** The basic constraints of a root, encoded. */
function parseExtension(root: Uint8Array): Uint8Array {
  const found = parseCertificate(root).extensions.find(({ oid }) => oid === OID.BASIC_CONSTRAINTS);
  if (!found) throw new Error('The root has no basic constraints.');
  const start = found.value.byteOffset - root.byteOffset;
  // The extension's SEQUENCE: 2 bytes of header, 5 of OID, 3 of BOOLEAN and 2 of OCTET STRING stand before the value.
  return root.slice(start - 12, start + found.value.length);
}
