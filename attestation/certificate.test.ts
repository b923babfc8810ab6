import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedBy, OID, publicKeyOf } from './certificate.ts';
import { DER, der, derOid, derUnsigned, readOid, readWholeDer } from './der.ts';
import {
  alternativeNamesOf,
  basicConstraintsOf,
  describeName,
  extendedKeyUsageOf,
  keyIdentifiersOf,
  keyUsageOf,
} from './extensions.ts';
import { concat, parseCertificate } from './index.ts';
import { indexIssuers, issuerOf, untrustedIssuers } from './issuer.ts';
import { findPath } from './path.ts';
import {
  AT,
  CA_EXTENSIONS,
  caExtension,
  certificate,
  cn,
  EK_EXTENSIONS,
  EMPTY_NAME,
  extension,
  FALSE,
  type Made,
  nameExtension,
  newKey,
  purposeExtension,
  rsaPrivateKey,
  TRUE,
  tpmNames,
  usageExtension,
  vendorChain,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import { has } from './testing/swtpm.ts';
import { pem } from './testing/tpmMaterial.ts';

const read = (made: Made) => parseCertificate(made.der, { lenient: true });
const find = (leaf: Made, anchors: Made[], others: Made[] = [], more: Partial<Parameters<typeof findPath>[2]> = {}) =>
  findPath(
    read(leaf),
    [
      indexIssuers(anchors.map((made) => issuerOf(read(made), true))),
      indexIssuers(
        untrustedIssuers(
          others.map(({ der: bytes }) => bytes),
          indexIssuers([]),
        ),
      ),
    ],
    { at: AT, ...more },
  );
const ca = (subject: string, issuer?: Made, extensions = CA_EXTENSIONS, more = {}) =>
  certificate({ subject, extensions, ...(issuer ? { issuer } : {}), ...more });
const leaf = (issuer: Made, more = {}) => certificate({ subject: 'Leaf', issuer, extensions: EK_EXTENSIONS, ...more });

describe('paths', () => {
  const root = ca('Root');
  const middle = ca('Middle', root);

  it('accepts a good chain, whatever else came along', () => {
    const stranger = ca('Stranger');
    const path = find(leaf(middle), [stranger, root], [stranger, middle, root]);
    expect(path.map(({ certificate: found }) => describeName(found.subject))).toEqual(['CN=Middle', 'CN=Root']);
  });

  it('accepts RSA with SHA-256, SHA-384 and SHA-512, PSS, and ECDSA', () => {
    const rsa = ca('RSA Root', undefined, CA_EXTENSIONS, { key: rsaPrivateKey() });
    for (const hash of ['sha256', 'sha384', 'sha512'] as const)
      expect(find(leaf(rsa, { hash }), [rsa])).toHaveLength(1);
    for (const hash of ['sha256', 'sha384', 'sha512'] as const)
      expect(find(leaf(root, { hash }), [root])).toHaveLength(1);
  });

  it('accepts a certificate signed with PSS, and no other padding under that name', () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const rsa = ca('RSA Root', undefined, CA_EXTENSIONS, { key });
    const sha256 = der(DER.SEQUENCE, derOid('2.16.840.1.101.3.4.2.1'));
    const mask = der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.8'), sha256);
    const algorithm = der(
      DER.SEQUENCE,
      derOid('1.2.840.113549.1.1.10'),
      der(DER.SEQUENCE, der(0xa0, sha256), der(0xa1, mask), der(0xa2, derUnsigned(new Uint8Array([32])))),
    );
    expect(find(leaf(rsa, { algorithm, pss: true }), [rsa])).toHaveLength(1);
    expect(refusal(() => find(leaf(rsa, { algorithm }), [rsa]))).toBe('no-path');
  });

  it('accepts an authority whose key is a compressed point, and refuses one off its curve', () => {
    const key = newKey();
    const { x, y } = createPublicKey(key).export({ format: 'jwk' });
    const [xs, ys] = [x, y].map((text) => new Uint8Array(Buffer.from(text ?? '', 'base64url')));
    const spki = (...point: number[]) =>
      der(
        DER.SEQUENCE,
        der(DER.SEQUENCE, derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')),
        der(DER.BIT_STRING, new Uint8Array([0, ...point])),
      );
    const short = ca('Short', root, CA_EXTENSIONS, { key, spki: spki(2 + ((ys?.at(-1) ?? 0) & 1), ...(xs ?? [])) });
    expect(find(leaf(short), [root], [short])).toHaveLength(2);
    const off = ca('Off', root, CA_EXTENSIONS, { key, spki: spki(4, ...(xs ?? []), ...(xs ?? [])) });
    expect(refusal(() => find(leaf(off), [root], [off]))).toBe('weak-key');
  });

  it('refuses a leaf that issued another leaf', () => {
    const first = leaf(root);
    const second = certificate({ subject: 'Second', issuer: first, extensions: EK_EXTENSIONS });
    expect(refusal(() => find(second, [root], [first]))).toBe('not-a-ca');
  });

  it('refuses an issuer without basic constraints or of version 1', () => {
    const old = certificate({ subject: 'Old', issuer: root, version: 1 });
    expect(refusal(() => find(leaf(old), [root], [old]))).toBe('not-a-ca');
    const bare = certificate({ subject: 'Bare', issuer: root, extensions: [usageExtension(0x06)] });
    expect(refusal(() => find(leaf(bare), [root], [bare]))).toBe('not-a-ca');
  });

  it('refuses a certificate authority as leaf', () => {
    expect(refusal(() => find(middle, [root]))).toBe('ca-as-leaf');
    const signer = certificate({ subject: 'Signer', issuer: root, extensions: [usageExtension(0x04)] });
    expect(refusal(() => find(signer, [root]))).toBe('ca-as-leaf');
  });

  it('refuses an authority whose key may not sign certificates', () => {
    const wrong = ca('Wrong', root, [caExtension(), usageExtension(0x80)]);
    expect(refusal(() => find(leaf(wrong), [root], [wrong]))).toBe('key-usage');
  });

  it('refuses an authority below one that allows none (path length)', () => {
    const last = ca('Last', root, [caExtension(0), usageExtension(0x06)]);
    const extra = ca('Extra', last);
    expect(find(leaf(last), [root], [last])).toHaveLength(2);
    expect(refusal(() => find(leaf(extra), [root], [last, extra]))).toBe('path-length');
  });

  it('does not count self-issued authorities in the path length', () => {
    const limited = ca('Limited', root, [caExtension(0), usageExtension(0x06)]);
    const renewed = ca('Limited', limited, CA_EXTENSIONS);
    expect(find(leaf(renewed), [root], [limited, renewed])).toHaveLength(3);
  });

  it('refuses an unknown critical extension on leaf or authority', () => {
    const strange = extension('1.2.3.4', new Uint8Array([5, 0]), true);
    expect(refusal(() => find(leaf(root, { extensions: [...EK_EXTENSIONS, strange] }), [root]))).toBe(
      'unknown-critical-extension',
    );
    const odd = ca('Odd', root, [...CA_EXTENSIONS, strange]);
    expect(refusal(() => find(leaf(odd), [root], [odd]))).toBe('unknown-critical-extension');
    const harmless = extension('1.2.3.4', new Uint8Array([5, 0]));
    expect(find(leaf(root, { extensions: [...EK_EXTENSIONS, harmless] }), [root])).toHaveLength(1);
  });

  it('refuses name constraints, which it does not evaluate', () => {
    const constrained = ca('Constrained', root, [...CA_EXTENSIONS, extension('2.5.29.30', der(DER.SEQUENCE), true)]);
    expect(refusal(() => find(leaf(constrained), [root], [constrained]))).toBe('name-constraints');
  });

  it('refuses a root of the same name with another key', () => {
    expect(refusal(() => find(leaf(root), [ca('Root')]))).toBe('no-path');
  });

  it('refuses a forged signature where the key identifier names an accepted root', () => {
    const id = (bytes: Uint8Array) => extension('2.5.29.14', der(DER.OCTET_STRING, bytes));
    const authority = (bytes: Uint8Array) => extension('2.5.29.35', der(DER.SEQUENCE, der(0x80, bytes)));
    const named = ca('Named', undefined, [...CA_EXTENSIONS, id(new Uint8Array([1, 2]))]);
    const good = leaf(named, { extensions: [...EK_EXTENSIONS, authority(new Uint8Array([1, 2]))] });
    expect(find(good, [named])).toHaveLength(1);
    const forged = leaf(named, {
      signingKey: newKey(),
      extensions: [...EK_EXTENSIONS, authority(new Uint8Array([1, 2]))],
    });
    expect(refusal(() => find(forged, [named]))).toBe('bad-signature');
    const other = leaf(named, { extensions: [...EK_EXTENSIONS, authority(new Uint8Array([9]))] });
    expect(refusal(() => find(other, [named]))).toBe('no-path');
  });

  it('refuses a certificate with one changed byte', () => {
    const changed = leaf(root).der.slice();
    changed[60] = (changed[60] ?? 0) ^ 1;
    expect(['no-path', 'certificate-malformed', 'not-yet-valid', 'expired']).toContain(
      refusal(() => find({ ...root, der: changed }, [root])),
    );
  });

  it('refuses an expired leaf, intermediate or root, with five minutes of leeway', () => {
    const until = (ms: number) => ({ notAfter: new Date(AT.getTime() + ms).toISOString() });
    expect(find(leaf(root, until(-240_000)), [root])).toHaveLength(1);
    expect(refusal(() => find(leaf(root, until(-360_000)), [root]))).toBe('expired');
    const late = ca('Late', root, CA_EXTENSIONS, until(-360_000));
    expect(refusal(() => find(leaf(late), [root], [late]))).toBe('expired');
    expect(refusal(() => find(leaf(late), [late]))).toBe('expired');
  });

  it('refuses a leaf or intermediate that is not yet valid, with five minutes of leeway', () => {
    const from = (ms: number) => ({ notBefore: new Date(AT.getTime() + ms).toISOString() });
    expect(find(leaf(root, from(240_000)), [root])).toHaveLength(1);
    expect(refusal(() => find(leaf(root, from(360_000)), [root]))).toBe('not-yet-valid');
    const early = ca('Early', root, CA_EXTENSIONS, from(360_000));
    expect(refusal(() => find(leaf(early), [root], [early]))).toBe('not-yet-valid');
  });

  it('refuses to judge without a time', () => {
    expect(refusal(() => find(leaf(root), [root], [], { at: new Date(Number.NaN) }))).toBe('bad-argument');
  });

  it('refuses a chain of absurd length', () => {
    const chain: Made[] = [root];
    for (let i = 0; i < 7; i += 1) chain.push(ca(`Level ${i}`, chain.at(-1)));
    const last = chain.at(-1);
    if (!last) throw new Error('no chain');
    expect(refusal(() => find(leaf(last), [root], chain))).toBe('path-too-long');
    expect(find(leaf(last), [root], chain, { maxDepth: 8 })).toHaveLength(8);
  });

  it('refuses a loop of authorities without hanging', () => {
    const [a, b] = [newKey(), newKey()];
    const one = certificate({
      subject: 'One',
      key: a,
      issuerName: cn('Two'),
      signingKey: b,
      extensions: CA_EXTENSIONS,
    });
    const two = certificate({
      subject: 'Two',
      key: b,
      issuerName: cn('One'),
      signingKey: a,
      extensions: CA_EXTENSIONS,
    });
    expect(refusal(() => find(leaf(one), [root], [one, two]))).toBe('no-path');
  });

  it('refuses certificates that allow too many paths', () => {
    const key = newKey();
    const twins = Array.from({ length: 8 }, (_, i) =>
      certificate({ subject: 'Twin', key, serial: new Uint8Array([i + 1]), extensions: CA_EXTENSIONS }),
    );
    const last = twins[0];
    if (!last) throw new Error('no twin');
    expect(refusal(() => find(leaf(last), [root], twins))).toBe('path-too-long');
  });

  it('refuses certificates signed with SHA-1', () => {
    expect(refusal(() => find(leaf(root, { hash: 'sha1' }), [root]))).toBe('weak-algorithm');
    const rsa = ca('RSA Root', undefined, CA_EXTENSIONS, { key: rsaPrivateKey() });
    expect(refusal(() => find(leaf(rsa, { hash: 'sha1' }), [rsa]))).toBe('weak-algorithm');
  });

  it('refuses an authority with a weak key', () => {
    const weak = ca('Weak', root, CA_EXTENSIONS, {
      key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
    });
    expect(refusal(() => find(leaf(weak), [root], [weak]))).toBe('weak-key');
  });

  it('refuses an authority that may not issue for this purpose', () => {
    const tls = ca('TLS', root, [...CA_EXTENSIONS, purposeExtension('1.3.6.1.5.5.7.3.1')]);
    expect(refusal(() => find(leaf(tls), [root], [tls], { purpose: OID.EK_CERTIFICATE }))).toBe('extended-key-usage');
    const any = ca('Any', root, [...CA_EXTENSIONS, purposeExtension(OID.ANY_EKU)]);
    expect(find(leaf(any), [root], [any], { purpose: OID.EK_CERTIFICATE })).toHaveLength(2);
  });

  it('refuses a signature whose algorithm does not fit the key of the issuer', () => {
    const confused = leaf(root, { signingKey: rsaPrivateKey() });
    expect(refusal(() => find(confused, [root]))).toBe('no-path');
  });

  it('refuses a leaf of an old version of X.509', () => {
    expect(refusal(() => find(certificate({ subject: 'Old', issuer: root, version: 1 }), [root]))).toBe(
      'certificate-malformed',
    );
  });
});

describe('certificates', () => {
  const good = vendorChain();
  const strictly = (bytes: Uint8Array) => refusal(() => parseCertificate(bytes));
  const changed = (options: Parameters<typeof certificate>[0]) => certificate({ key: rsaPrivateKey(), ...options }).der;

  it('are read field by field', () => {
    const parsed = parseCertificate(good.leaf.der);
    expect([parsed.version, parsed.serial, parsed.notBefore.toISOString()]).toEqual([
      3,
      new Uint8Array([0x21]),
      '2024-01-01T00:00:00.000Z',
    ]);
    const above = parseCertificate(good.intermediate.der);
    expect(isSignedBy(parsed, { numbers: above.key, key: () => publicKeyOf(above) })).toBe(true);
    expect([basicConstraintsOf(parsed), keyUsageOf(parsed), extendedKeyUsageOf(parsed)]).toEqual([
      { ca: false },
      4,
      [OID.EK_CERTIFICATE],
    ]);
    expect(alternativeNamesOf(parsed)?.tpm).toEqual({
      manufacturer: 'id:49465800',
      model: 'SLB 9670',
      version: 'id:0D0B',
    });
    const bare = parseCertificate(changed({}));
    expect([
      basicConstraintsOf(bare),
      keyUsageOf(bare),
      extendedKeyUsageOf(bare),
      alternativeNamesOf(bare),
      keyIdentifiersOf(bare),
    ]).toEqual([undefined, undefined, undefined, undefined, {}]);
  });

  it('refuses a duplicate extension', () => {
    expect(strictly(changed({ extensions: [...EK_EXTENSIONS, ...EK_EXTENSIONS] }))).toBe('duplicate-extension');
  });
  it('refuses two different signature algorithms in one certificate', () => {
    expect(
      strictly(changed({ innerAlgorithm: der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.12'), der(DER.NULL)) })),
    ).toBe('certificate-malformed');
  });
  it('refuses bytes behind a certificate', () => {
    expect(strictly(concat(good.leaf.der, new Uint8Array(1)))).toBe('certificate-malformed');
  });
  it('refuses indefinite and impossible lengths', () => {
    for (const bytes of [
      [0x30, 0x80, 0, 0],
      [0x30, 0x85, 1, 1, 1, 1, 1],
      [0x30, 0x82, 1],
      [0x30, 5, 1],
      [0x30],
      [0x1f, 1, 0],
    ]) {
      expect(strictly(new Uint8Array(bytes))).toBe('certificate-malformed');
    }
  });
  it('refuses lengths that are not minimal when read strictly, and reports them otherwise', () => {
    const content = good.leaf.der.slice(4);
    const long = concat(new Uint8Array([0x30, 0x83, 0, content.length >> 8, content.length & 0xff]), content);
    expect(strictly(long)).toBe('certificate-malformed');
    expect(parseCertificate(long, { lenient: true }).irregularities).toHaveLength(1);
  });
  it('refuses versions and serial numbers that do not exist', () => {
    expect(strictly(changed({ version: 4 }))).toBe('certificate-malformed');
    expect(strictly(changed({ serial: new Uint8Array(0) }))).toBe('certificate-malformed');
    expect(strictly(changed({ serial: new Uint8Array(65).fill(1) }))).toBe('certificate-malformed');
    expect(strictly(changed({ serial: new Uint8Array([0x81]) }))).toBe('certificate-malformed');
    expect(
      parseCertificate(changed({ serial: new Uint8Array([0x81]) }), { lenient: true }).irregularities,
    ).toHaveLength(1);
    expect(
      parseCertificate(changed({ serial: new Uint8Array([0, 1]) }), { lenient: true }).irregularities,
    ).toHaveLength(1);
  });
  it('refuses extensions in an old version', () => {
    expect(strictly(changed({ version: 2, extensions: EK_EXTENSIONS }))).toBe('certificate-malformed');
    expect(parseCertificate(changed({ version: 2 })).version).toBe(2);
  });
  it('refuses more extensions than a certificate has', () => {
    const many = Array.from({ length: 65 }, (_, i) => extension(`1.2.3.${i}`, new Uint8Array(0)));
    expect(strictly(changed({ extensions: many }))).toBe('too-large');
    expect(strictly(new Uint8Array(65_537))).toBe('too-large');
  });
  it('refuses dates that do not exist', () => {
    for (const notAfter of [
      '2024-02-31T00:00:00Z',
      '2024-01-01T24:00:00Z',
      '1800-01-01T00:00:00Z',
      '2024-13-01T00:00:00Z',
    ]) {
      expect(strictly(changed({ notAfter }))).toBe('certificate-malformed');
    }
  });
  it('refuses signature algorithms that it does not know or with wrong parameters', () => {
    const key = newKey();
    const algorithm = (...parts: Uint8Array[]) => certificate({ key, algorithm: der(DER.SEQUENCE, ...parts) }).der;
    expect(strictly(algorithm(derOid('1.2.3.4')))).toBe('unsupported-algorithm');
    expect(strictly(algorithm(derOid('1.2.840.10045.4.3.2'), der(DER.SEQUENCE)))).toBe('certificate-malformed');
    expect(strictly(algorithm(derOid('1.2.840.10045.4.3.2'), der(DER.NULL)))).toBe('certificate-malformed');
    expect(strictly(algorithm(derOid('1.2.840.10045.4.3.2'), der(DER.NULL), der(DER.NULL)))).toBe(
      'certificate-malformed',
    );
    expect(
      parseCertificate(algorithm(derOid('1.2.840.10045.4.3.2'), der(DER.NULL)), { lenient: true }).irregularities,
    ).toHaveLength(1);
    const pss = (...parts: Uint8Array[]) => algorithm(derOid('1.2.840.113549.1.1.10'), der(DER.SEQUENCE, ...parts));
    expect(strictly(pss())).toBe('weak-algorithm');
    const hash = (oid: string) => der(DER.SEQUENCE, derOid(oid));
    const sha256 = hash('2.16.840.1.101.3.4.2.1');
    const mask = (inner: Uint8Array) => der(0xa1, der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.8'), inner));
    expect(strictly(pss(der(0xa0, sha256), mask(hash('2.16.840.1.101.3.4.2.2'))))).toBe('unsupported-algorithm');
    expect(parseCertificate(pss(der(0xa0, sha256), mask(sha256))).signatureAlgorithm).toEqual({
      kind: 'rsa-pss',
      hash: 'sha256',
      saltLength: 20,
    });
  });
  it('refuses names that are none', () => {
    for (const subject of [
      der(DER.SET),
      der(DER.SEQUENCE, der(DER.SET)),
      der(DER.SEQUENCE, der(DER.SET, der(DER.SEQUENCE, derOid('2.5.4.3')))),
    ]) {
      expect(strictly(changed({ subject }))).toBe('certificate-malformed');
    }
  });
  it('refuses extensions that are malformed', () => {
    const sequence = (...parts: Uint8Array[]) => der(DER.SEQUENCE, ...parts);
    const value = der(DER.OCTET_STRING, new Uint8Array(0));
    for (const bad of [
      sequence(derOid('1.2')),
      sequence(derOid('1.2'), TRUE, value, value),
      sequence(derOid('1.2'), der(DER.BOOLEAN), value),
    ]) {
      expect(strictly(changed({ extensions: [bad] }))).toBe('certificate-malformed');
    }
    expect(strictly(changed({ extensions: [sequence(derOid('1.2'), FALSE, value)] }))).toBe('certificate-malformed');
    const attempts: [string, Uint8Array, (made: ReturnType<typeof parseCertificate>) => unknown][] = [
      [
        OID.BASIC_CONSTRAINTS,
        sequence(TRUE, derUnsigned(new Uint8Array([1])), derUnsigned(new Uint8Array([1]))),
        basicConstraintsOf,
      ],
      [OID.BASIC_CONSTRAINTS, sequence(TRUE, der(DER.INTEGER, new Uint8Array([0xff]))), basicConstraintsOf],
      [OID.BASIC_CONSTRAINTS, sequence(TRUE, der(DER.INTEGER, new Uint8Array([1, 2, 3, 4, 5]))), basicConstraintsOf],
      [OID.BASIC_CONSTRAINTS, sequence(TRUE, der(DER.INTEGER)), basicConstraintsOf],
      [OID.KEY_USAGE, der(DER.BIT_STRING, new Uint8Array(1)), keyUsageOf],
      [OID.EXT_KEY_USAGE, sequence(der(DER.OID)), extendedKeyUsageOf],
      [OID.EXT_KEY_USAGE, sequence(der(DER.OID, new Uint8Array([0x80, 1]))), extendedKeyUsageOf],
      [
        OID.EXT_KEY_USAGE,
        sequence(der(DER.OID, new Uint8Array([...new Uint8Array(10).fill(0xff), 1]))),
        extendedKeyUsageOf,
      ],
      [
        OID.SUBJECT_ALT_NAME,
        sequence(der(0xa4, sequence(der(DER.SET, sequence(derOid(OID.TPM_MODEL)))))),
        alternativeNamesOf,
      ],
    ];
    for (const [oid, bytes, reader] of attempts) {
      expect(refusal(() => reader(parseCertificate(changed({ extensions: [extension(oid, bytes)] }))))).toBe(
        'certificate-malformed',
      );
    }
  });
  it('reads other names and other string types without believing them', () => {
    const bmp = der(0x1e, new Uint8Array([0, 0x41, 0, 0x42]));
    const model = der(0xa4, der(DER.SEQUENCE, der(DER.SET, der(DER.SEQUENCE, derOid(OID.TPM_MODEL), bmp))));
    const other = der(0xa0, derOid('1.3.6.1.4.1.311.20.2.3'), der(0xa0, der(DER.UTF8, new Uint8Array([0x78]))));
    const names = alternativeNamesOf(
      parseCertificate(changed({ extensions: [nameExtension(other, model, der(0x82, new Uint8Array([0x61])))] })),
    );
    expect(names).toEqual({ uris: [], permanentIdentifiers: [], tpm: { model: 'AB' } });
    expect(describeName(EMPTY_NAME)).toBe('(empty name)');
    expect(
      describeName(
        der(DER.SEQUENCE, der(DER.SET, der(DER.SEQUENCE, derOid('1.2.3'), der(DER.UTF8, new Uint8Array([0x78]))))),
      ),
    ).toBe('1.2.3=x');
  });
  it('refuses an RSA key that is no pair of numbers, or too large', () => {
    const spki = (bits: Uint8Array) =>
      der(
        DER.SEQUENCE,
        der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.1'), der(DER.NULL)),
        der(DER.BIT_STRING, new Uint8Array(1), bits),
      );
    expect(strictly(changed({ spki: spki(der(DER.SEQUENCE, derUnsigned(new Uint8Array([5])))) }))).toBe(
      'certificate-malformed',
    );
    const large = der(DER.SEQUENCE, derUnsigned(new Uint8Array(1025).fill(1)), derUnsigned(new Uint8Array([3])));
    expect(strictly(changed({ spki: spki(large) }))).toBe('unsupported-algorithm');
    expect(
      strictly(
        changed({
          spki: der(DER.SEQUENCE, der(DER.SEQUENCE, derOid('1.2')), der(DER.BIT_STRING, new Uint8Array([1, 2]))),
        }),
      ),
    ).toBe('certificate-malformed');
    expect(
      strictly(
        changed({
          spki: concat(
            spki(large).slice(0, 0),
            der(DER.SEQUENCE, der(DER.SEQUENCE), der(DER.BIT_STRING, new Uint8Array(1)), der(DER.NULL)),
          ),
        }),
      ),
    ).toBe('certificate-malformed');
  });
  it('keeps object identifiers apart', () => {
    const mode = { code: 'certificate-malformed' } as const;
    for (const oid of ['2.5.29.17', '2.23.133.8.1', '1.2.840.113635.100.8.11.1', '0.9.2342', '2.999.1']) {
      const encoded = oid === '2.999.1' ? new Uint8Array([6, 3, 0x88, 0x37, 1]) : derOid(oid);
      expect(readOid(readWholeDer(encoded, mode), mode)).toBe(oid);
    }
  });
  it('reads two-digit years of both centuries', () => {
    const text = Buffer.from(good.leaf.der).toString('latin1').replace('20240101000000Z', '500101000000Z\0\0');
    expect(strictly(new Uint8Array(Buffer.from(text, 'latin1')))).toBe('certificate-malformed');
  });
  it('are what the usage of the key says, bit by bit', () => {
    for (const [byte, bit] of [
      [0x80, 1],
      [0x20, 4],
      [0x08, 16],
      [0x04, 32],
      [0x02, 64],
    ] as const) {
      expect(
        keyUsageOf(parseCertificate(changed({ extensions: [usageExtension(byte), nameExtension(tpmNames())] }))),
      ).toBe(bit);
    }
  });
});

describe.skipIf(!has('openssl'))(
  'the seven path cases, generated with openssl and judged alike (needs openssl)',
  () => {
    let folder = '';
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
    const issue = (name: string, issuer: string, config: string, days = '3650') => {
      writeFileSync(join(folder, `${name}.cnf`), config);
      openssl(
        'req',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      const sign =
        issuer === name
          ? ['-signkey', `${name}.key`]
          : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...sign,
        '-days',
        days,
        '-sha256',
        '-extfile',
        `${name}.cnf`,
        '-out',
        `${name}.pem`,
      );
    };
    const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n';
    const EK =
      'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyAgreement\nextendedKeyUsage=2.23.133.8.1\nsubjectAltName=critical,dirName:tpm\n[tpm]\na.2.23.133.2.1=id:49465800\nb.2.23.133.2.2=SLB\nc.2.23.133.2.3=id:1\n';

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'muster-path-'));
      issue('root', 'root', CA);
      issue('mid', 'root', CA);
      issue('good', 'mid', EK);
      issue('below-leaf', 'good', EK);
      issue('nosign', 'root', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n');
      issue('by-nosign', 'nosign', EK);
      issue('pathlen0', 'root', `basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n`);
      issue('too-deep', 'pathlen0', CA);
      issue('by-too-deep', 'too-deep', EK);
      issue('strange', 'mid', `1.2.3.4=critical,DER:0500\n${EK}`);
      issue('past', 'root', CA, '1');
      issue('by-past', 'past', EK);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const load = (name: string) => pem(readFileSync(join(folder, `${name}.pem`)));
    const ours = (leafName: string, others: string[], at = new Date(), root = 'root') =>
      findPath(
        parseCertificate(load(leafName)),
        [
          indexIssuers([issuerOf(parseCertificate(load(root)), true)]),
          indexIssuers(untrustedIssuers(others.map(load), indexIssuers([]))),
        ],
        { at, purpose: OID.EK_CERTIFICATE },
      );
    const theirs = (leafName: string, others: string[], at = new Date()): boolean => {
      writeFileSync(
        join(folder, 'untrusted.pem'),
        others.map((name) => readFileSync(join(folder, `${name}.pem`), 'utf8')).join(''),
      );
      try {
        openssl(
          'verify',
          '-x509_strict',
          '-attime',
          String(Math.floor(at.getTime() / 1000)),
          '-CAfile',
          'root.pem',
          '-untrusted',
          'untrusted.pem',
          `${leafName}.pem`,
        );
        return true;
      } catch {
        return false;
      }
    };

    it('a good EK chain with critical SAN is accepted', () => {
      expect(ours('good', ['mid'])).toHaveLength(2);
    });
    it.each([
      ['a leaf that issued another leaf', 'below-leaf', ['mid', 'good'], 'not-a-ca'],
      ['an authority without keyCertSign', 'by-nosign', ['nosign'], 'key-usage'],
      ['an authority below pathLen 0', 'by-too-deep', ['pathlen0', 'too-deep'], 'path-length'],
      ['an unknown critical extension on the leaf', 'strange', ['mid'], 'unknown-critical-extension'],
    ] as const)('%s is refused', (_, name, others, code) => {
      expect(refusal(() => ours(name, [...others]))).toBe(code);
      expect(theirs(name, [...others])).toBe(false);
    });
    it('an expired intermediate is refused', () => {
      const at = new Date(Date.now() + 3 * 24 * 3_600_000);
      expect(refusal(() => ours('by-past', ['past'], at))).toBe('expired');
      expect(theirs('by-past', ['past'], at)).toBe(false);
    });
    it('a root of the same name with another key is refused', () => {
      const own = readFileSync(join(folder, 'root.pem'));
      writeFileSync(join(folder, 'real.pem'), own);
      openssl(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        'fake.key',
        '-out',
        'fake.pem',
        '-subj',
        '/CN=root',
        '-days',
        '3650',
      );
      expect(refusal(() => ours('good', ['mid'], new Date(), 'fake'))).toMatch(/no-path|bad-signature/);
    });
  },
);
