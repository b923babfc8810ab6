import { describe, expect, it } from 'vitest';
import { DER, der } from './der.ts';
import {
  appleEnterpriseAttestationRoot,
  type CborValue,
  digest,
  encodeCbor,
  parseCertificate,
  toHex,
  verifyAppleStatement,
} from './index.ts';
import {
  AT,
  CA_EXTENSIONS,
  caExtension,
  certificate,
  extension,
  type Made,
  newKey,
  rsaPrivateKey,
  usageExtension,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const APPLE = '1.2.840.113635.100.8.';
const integer = (value: number): Uint8Array => der(DER.INTEGER, new Uint8Array([value]));
const SERIAL = 'C02XG0FDH7JY';
const UDID = '00008103-000A1B2C3D4E5F60';
const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ';
const NONCE = new Uint8Array(32).fill(7);

const root = certificate({
  subject: 'Apple Test Root',
  key: newKey('P-384'),
  hash: 'sha384',
  extensions: CA_EXTENSIONS,
});
const sub = certificate({
  subject: 'Apple Test Sub CA',
  issuer: root,
  key: newKey('P-384'),
  hash: 'sha384',
  extensions: CA_EXTENSIONS,
});

const FIELDS: Record<string, Uint8Array> = {
  '9.1': ascii(SERIAL),
  '9.2': ascii(UDID),
  '9.4': ascii('J316sAP'),
  '10.1': ascii('14.2'),
  '10.2': ascii('14.2'),
  '10.3': ascii('10151.61.4'),
  '11.1': digest('sha256', ascii(TOKEN)),
  '13.1': integer(0),
  '13.2': ascii('Full Security'),
  '13.3': integer(0),
};
function leaf(
  changes: Record<string, Uint8Array | undefined> = {},
  more: Parameters<typeof certificate>[0] = {},
): Made {
  const fields = Object.entries({ ...FIELDS, ...changes }).flatMap(([oid, value]) =>
    value ? [extension(APPLE + oid, value)] : [],
  );
  const extensions = [caExtension(undefined, false), usageExtension(0xf0), ...fields];
  return certificate({ subject: 'hash', issuer: sub, key: newKey('P-384'), hash: 'sha384', extensions, ...more });
}
const object = (x5c: Uint8Array[], fmt = 'apple', extra: [string, CborValue][] = []) =>
  encodeCbor(
    new Map<string, CborValue>([
      ['fmt', fmt],
      ['attStmt', new Map<string, CborValue>([['x5c', x5c], ...extra])],
    ]),
  );
const options = { expect: { serial: SERIAL }, freshness: { acmeToken: TOKEN }, roots: [root.der], at: AT } as const;
const acme = (made: Made, more: Partial<Parameters<typeof verifyAppleStatement>[1]> = {}) =>
  verifyAppleStatement(object([made.der, sub.der]), { ...options, ...more });

describe("Apple's Managed Device Attestation", () => {
  it('accepts an ACME attestation and says everything that Apple attested', () => {
    const verified = acme(leaf());
    expect(verified).toMatchObject({
      serial: SERIAL,
      udid: UDID,
      board: 'J316sAP',
      osVersion: '14.2',
      sepOsVersion: '14.2',
      llbVersion: '10151.61.4',
      sipEnabled: true,
      secureBoot: 'full',
      kernelExtensionsAllowed: false,
    });
    expect([verified.path.length, verified.unknown]).toEqual([3, {}]);
  });
  it("accepts an MDM's list of certificates, with the nonce itself as freshness", () => {
    const made = leaf({ '11.1': NONCE });
    const verified = verifyAppleStatement([made.der, sub.der], {
      ...options,
      expect: { udid: UDID },
      freshness: { mdmNonce: NONCE },
    });
    expect(verified.freshness).toEqual(NONCE);
  });
  it('ignores a root that is sent along, and pins its own', () => {
    const made = leaf();
    expect(verifyAppleStatement([made.der, sub.der, root.der], options).path).toHaveLength(3);
    const { roots: _, ...pinned } = options;
    expect(refusal(() => verifyAppleStatement([made.der, sub.der], pinned))).toBe('no-path');
    expect(refusal(() => verifyAppleStatement([made.der, sub.der, root.der], pinned))).toBe('wrong-chain');
  });
  it('ships the Apple Enterprise Attestation Root CA', () => {
    expect(toHex(digest('sha256', appleEnterpriseAttestationRoot))).toBe(
      'ccf59ef8fcb3017d97f8b5fa6fa90e7a3f9283f76b55ac6cf6eda8b8b949f05b',
    );
    expect(parseCertificate(appleEnterpriseAttestationRoot).notAfter.toISOString()).toBe('2047-02-20T00:00:00.000Z');
  });
  it('accepts a P-256 leaf, and a leaf without optional posture', () => {
    const bare = leaf(
      { '9.4': undefined, '10.1': ascii(' '), '13.1': undefined, '13.2': new Uint8Array(0), '13.3': new Uint8Array(0) },
      { key: newKey('P-256') },
    );
    const verified = acme(bare);
    expect(Object.keys(verified).sort()).toEqual([
      'freshness',
      'llbVersion',
      'path',
      'sepOsVersion',
      'serial',
      'spki',
      'udid',
      'unknown',
    ]);
  });
  it('reads the reversed polarity of System Integrity Protection', () => {
    expect([
      acme(leaf({ '13.1': integer(1) })).sipEnabled,
      acme(leaf({ '13.3': integer(3) })).kernelExtensionsAllowed,
    ]).toEqual([false, true]);
    expect(acme(leaf({ '13.2': ascii('Reduced Security') })).secureBoot).toBe('reduced');
    expect(acme(leaf({ '13.2': ascii('Permissive Security') })).secureBoot).toBe('permissive');
  });
  it('keeps undocumented extensions as evidence', () => {
    expect(acme(leaf({ '9.3': ascii('?'), '13.4': integer(1) })).unknown).toEqual({
      [`${APPLE}9.3`]: '3f',
      [`${APPLE}13.4`]: '020101',
    });
  });
  it('refuses a blank or missing Apple serial', () => {
    for (const serial of [undefined, new Uint8Array(0), ascii('  ')])
      expect(refusal(() => acme(leaf({ '9.1': serial })))).toBe('identifier-missing');
    for (const udid of [undefined, new Uint8Array(0)])
      expect(refusal(() => acme(leaf({ '9.2': udid }), { expect: { udid: UDID } }))).toBe('identifier-missing');
  });
  it('refuses another Apple serial, also in other case', () => {
    expect(refusal(() => acme(leaf(), { expect: { serial: 'C02XG0FDH7JZ' } }))).toBe('identifier-mismatch');
    expect(refusal(() => acme(leaf(), { expect: { serial: SERIAL.toLowerCase() } }))).toBe('identifier-mismatch');
  });
  it('refuses a UDID where a serial was ordered, and a serial where a UDID was', () => {
    expect(refusal(() => acme(leaf(), { expect: { serial: UDID } }))).toBe('identifier-mismatch');
    expect(refusal(() => acme(leaf(), { expect: { udid: SERIAL } }))).toBe('identifier-mismatch');
  });
  it('refuses to expect a blank identifier', () => {
    expect(refusal(() => acme(leaf({ '9.1': undefined }), { expect: { serial: '' } }))).toBe('bad-argument');
  });
  it('refuses an Apple attestation without freshness code', () => {
    for (const code of [undefined, new Uint8Array(0)])
      expect(refusal(() => acme(leaf({ '11.1': code })))).toBe('freshness-missing');
  });
  it('refuses a stale Apple attestation, or one of a wrong length', () => {
    expect(refusal(() => acme(leaf(), { freshness: { acmeToken: 'another token of an order' } }))).toBe(
      'freshness-mismatch',
    );
    expect(refusal(() => acme(leaf({ '11.1': digest('sha256', ascii(TOKEN)).slice(0, 31) })))).toBe(
      'freshness-mismatch',
    );
  });
  it('refuses the freshness of one Apple channel in the other', () => {
    expect(refusal(() => acme(leaf({ '11.1': ascii(TOKEN) })))).toBe('freshness-mismatch');
    const hashed = leaf({ '11.1': digest('sha256', NONCE) });
    expect(
      refusal(() => verifyAppleStatement([hashed.der, sub.der], { ...options, freshness: { mdmNonce: NONCE } })),
    ).toBe('freshness-mismatch');
  });
  it('refuses an empty token and a nonce that is not 32 bytes', () => {
    expect(refusal(() => acme(leaf(), { freshness: { acmeToken: '' } }))).toBe('bad-argument');
    expect(refusal(() => acme(leaf(), { freshness: { mdmNonce: new Uint8Array(16) } }))).toBe('bad-argument');
  });
  it('refuses a WebAuthn-Apple chain: another root than that of device attestation', () => {
    const web = certificate({
      subject: 'Apple WebAuthn Root CA',
      key: newKey('P-384'),
      hash: 'sha384',
      extensions: CA_EXTENSIONS,
    });
    const other = certificate({
      subject: 'Apple WebAuthn CA 1',
      issuer: web,
      key: newKey('P-384'),
      hash: 'sha384',
      extensions: CA_EXTENSIONS,
    });
    const made = leaf({}, { issuer: other });
    expect(refusal(() => verifyAppleStatement(object([made.der, other.der]), options))).toBe('no-path');
  });
  it('refuses a chain with extra or foreign certificates, and an empty one', () => {
    const made = leaf();
    expect(refusal(() => verifyAppleStatement([made.der, sub.der, sub.der, root.der], options))).toBe('wrong-chain');
    expect(refusal(() => verifyAppleStatement([made.der, sub.der, made.der], options))).toBe('wrong-chain');
    expect(refusal(() => verifyAppleStatement([], options))).toBe('wrong-chain');
    const direct = leaf({}, { issuer: root });
    expect(refusal(() => verifyAppleStatement([direct.der, sub.der], options))).toBe('wrong-chain');
  });
  it('refuses an Apple chain that is too long', () => {
    const deep = certificate({
      subject: 'Deep',
      issuer: sub,
      key: newKey('P-384'),
      hash: 'sha384',
      extensions: CA_EXTENSIONS,
    });
    const made = leaf({}, { issuer: deep });
    expect(refusal(() => verifyAppleStatement([made.der, deep.der, sub.der], options))).toBe('wrong-chain');
    expect(refusal(() => verifyAppleStatement([made.der, deep.der], options))).toBe('no-path');
  });
  it('refuses a device certificate as issuer of another', () => {
    const first = leaf();
    const second = leaf({}, { issuer: first });
    expect(refusal(() => verifyAppleStatement([second.der, first.der], options))).toBe('not-a-ca');
  });
  it('refuses an expired or not yet valid Apple leaf', () => {
    expect(refusal(() => acme(leaf({}, { notAfter: '2026-05-01T00:00:00Z' })))).toBe('expired');
    expect(refusal(() => acme(leaf({}, { notBefore: '2026-07-01T00:00:00Z' })))).toBe('not-yet-valid');
  });
  it('refuses keys and signatures other than P-256 and P-384 with SHA-256 or SHA-384', () => {
    expect(refusal(() => acme(leaf({}, { key: rsaPrivateKey() })))).toBe('unsupported-algorithm');
    expect(refusal(() => acme(leaf({}, { hash: 'sha512' })))).toBe('unsupported-algorithm');
    expect(refusal(() => acme(leaf({}, { key: newKey('P-521') })))).toBe('unsupported-algorithm');
  });
  it('refuses an Apple leaf that may not sign', () => {
    expect(
      refusal(() =>
        acme(leaf({}, { extensions: [usageExtension(0x20), extension(`${APPLE}11.1`, FIELDS['11.1'] ?? NONCE)] })),
      ),
    ).toBe('key-usage');
  });
  it('refuses a duplicate or unknown critical extension in an Apple leaf', () => {
    const twice = [extension(`${APPLE}9.1`, ascii(SERIAL)), extension(`${APPLE}9.1`, ascii('OTHER'))];
    expect(refusal(() => acme(leaf({}, { extensions: twice })))).toBe('duplicate-extension');
    expect(refusal(() => acme(leaf({}, { extensions: [extension(`${APPLE}99`, ascii('x'), true)] })))).toBe(
      'unknown-critical-extension',
    );
  });
  it('refuses an Apple certificate that is not DER or has bytes behind it', () => {
    const made = leaf();
    expect(refusal(() => verifyAppleStatement([new Uint8Array([...made.der, 0]), sub.der], options))).toBe(
      'certificate-malformed',
    );
  });
  it('refuses undocumented posture: unknown is not secure', () => {
    expect(refusal(() => acme(leaf({ '13.1': integer(2) })))).toBe('posture-unknown');
    expect(refusal(() => acme(leaf({ '13.2': ascii('Medium Security') })))).toBe('posture-unknown');
    expect(refusal(() => acme(leaf({ '13.1': ascii('0') })))).toBe('posture-unknown');
    expect(refusal(() => acme(leaf({ '13.1': der(DER.OCTET_STRING, new Uint8Array(1)) })))).toBe('posture-unknown');
    expect(refusal(() => acme(leaf({ '13.3': new Uint8Array([2, 1, 0, 0]) })))).toBe('posture-unknown');
  });
  it('refuses attested text that is not printable', () => {
    expect(refusal(() => acme(leaf({ '9.1': ascii(`${SERIAL}\0`) })))).toBe('certificate-malformed');
  });
  it('refuses another format and malformed CBOR', () => {
    const made = leaf();
    expect(refusal(() => verifyAppleStatement(object([made.der, sub.der], 'tpm'), options))).toBe('wrong-format');
    expect(refusal(() => verifyAppleStatement(new Uint8Array([...object([made.der, sub.der]), 0]), options))).toBe(
      'cbor-malformed',
    );
  });
});
