import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OID } from './certificate.ts';
import { DER, der, derOid, derUnsigned } from './der.ts';
import { describeName } from './extensions.ts';
import {
  ALG,
  ATTRIBUTE,
  createTrustStore,
  DEFAULT_PCR_SELECTION,
  digest,
  EK_TEMPLATES,
  ekUri,
  issueAkCertificate,
  makeCredential,
  prepareRoots,
  verifyAkCertificate,
  verifyAppleStatement,
  verifyEkCertificate,
  verifyQuote,
} from './index.ts';
import { isRocaWeak } from './keys.ts';
import { fromBigInt } from './spki.ts';
import {
  AT,
  CA_EXTENSIONS,
  caExtension,
  certificate,
  cn,
  concat,
  EK_EXTENSIONS,
  EMPTY_NAME,
  extension,
  type Made,
  nameExtension,
  newKey,
  purposeExtension,
  rsaPrivateKey,
  tpmNames,
  usageExtension,
} from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import { attestBytes, eccKey, softSign } from './testing/softTpm.ts';

const sequence = (...parts: Uint8Array[]) => der(DER.SEQUENCE, ...parts);
const small = (value: number) => derUnsigned(new Uint8Array([value]));
const hashId = (oid: string) => sequence(derOid(oid));
const SHA256 = hashId('2.16.840.1.101.3.4.2.1');
const MGF1 = '1.2.840.113549.1.1.8';
const mask = (hash = SHA256, oid = MGF1) => der(0xa1, sequence(derOid(oid), hash));
const pss = (...fields: Uint8Array[]) => sequence(derOid('1.2.840.113549.1.1.10'), sequence(...fields));
const rsaSpki = (oid: string, parameters: Uint8Array, modulus: Uint8Array, exponent = [1, 0, 1]) =>
  sequence(
    sequence(derOid(oid), parameters),
    der(DER.BIT_STRING, new Uint8Array(1), sequence(derUnsigned(modulus), derUnsigned(new Uint8Array(exponent)))),
  );
const NULL = der(DER.NULL);
const NONE = new Uint8Array(0);
const RSA = '1.2.840.113549.1.1.1';
const OAEP = '1.2.840.113549.1.1.7';
const PSS = '1.2.840.113549.1.1.10';
const rsaModulus = new Uint8Array(Buffer.from(rsaPrivateKey().export({ format: 'jwk' }).n ?? '', 'base64url'));

const root = certificate({ subject: 'Root', extensions: CA_EXTENSIONS });
const rsaRoot = certificate({ subject: 'RSA Root', key: rsaPrivateKey(), extensions: CA_EXTENSIONS });
const store = createTrustStore({
  roots: [root, rsaRoot].map(({ der: bytes }) => ({ certificate: bytes, vendor: 'Infineon', source: 'administrator' })),
});
const authority = (more: Parameters<typeof certificate>[0] = {}) =>
  certificate({ subject: 'Issuing', issuer: root, extensions: CA_EXTENSIONS, ...more });
const ek = (issuer: Made, more: Parameters<typeof certificate>[0] = {}) =>
  certificate({ subject: EMPTY_NAME, issuer, extensions: EK_EXTENSIONS, ...more });
const judge = (leaf: Made, ...intermediates: Made[]) =>
  verifyEkCertificate(leaf.der, { roots: store, intermediates: intermediates.map(({ der: bytes }) => bytes), at: AT });

describe('signatures of certificates', () => {
  it('refuses PSS parameters with foreign, double or misplaced fields', () => {
    const salt = der(0xa2, small(32));
    const good = [der(0xa0, SHA256), mask(), salt];
    const with_ = (...fields: Uint8Array[]) =>
      refusal(() => judge(ek(rsaRoot, { algorithm: pss(...fields), pss: true })));
    expect(judge(ek(rsaRoot, { algorithm: pss(...good), pss: true })).class).toBe('hardware');
    expect(judge(ek(rsaRoot, { algorithm: pss(...good, der(0xa3, small(1))), pss: true })).class).toBe('hardware');
    expect(with_(...good, der(0xa3, small(2)))).toBe('unsupported-algorithm');
    expect(with_(...good, der(0xa4, small(1)))).toBe('certificate-malformed');
    expect(with_(...good, salt)).toBe('certificate-malformed');
    expect(with_(mask(), der(0xa0, SHA256), salt)).toBe('certificate-malformed');
    expect(with_(der(0xa0, SHA256, SHA256), mask(), salt)).toBe('certificate-malformed');
    expect(with_(der(0xa0, SHA256), mask(SHA256, RSA), salt)).toBe('unsupported-algorithm');
    expect(with_(der(0xa0, SHA256), mask(), der(0xa2, derUnsigned(new Uint8Array([2, 0]))))).toBe(
      'certificate-malformed',
    );
  });

  it('refuses a PSS signature whose salt is of another length than its parameters say', () => {
    const algorithm = pss(der(0xa0, SHA256), mask(), der(0xa2, small(20)));
    expect(judge(ek(rsaRoot, { algorithm, pss: true })).class).toBe('unknown-root');
  });

  it('refuses a signature by a key that is for encryption, or for PSS only', () => {
    for (const [oid, code] of [
      [OAEP, 'key-usage'],
      [PSS, 'key-usage'],
    ] as const) {
      const issuing = authority({ key: rsaPrivateKey(), spki: rsaSpki(oid, NONE, rsaModulus) });
      expect(refusal(() => judge(ek(issuing), issuing))).toBe(code);
    }
    const pssOnly = authority({ key: rsaPrivateKey(), spki: rsaSpki(PSS, NONE, rsaModulus) });
    const algorithm = pss(der(0xa0, SHA256), mask(), der(0xa2, small(32)));
    expect(judge(ek(pssOnly, { algorithm, pss: true }), pssOnly).class).toBe('hardware');
  });

  it('refuses key algorithms with parameters that they must not have', () => {
    const made = (spki: Uint8Array) => refusal(() => judge(ek(root, { spki })));
    expect(made(rsaSpki(RSA, sequence(), rsaModulus))).toBe('certificate-malformed');
    expect(made(rsaSpki(RSA, concat(NULL, NULL), rsaModulus))).toBe('certificate-malformed');
    expect(made(rsaSpki(PSS, sequence(der(0xa0, SHA256)), rsaModulus))).toBe('unsupported-algorithm');
    expect(judge(ek(root, { spki: rsaSpki(RSA, NONE, rsaModulus) })).reasons.join()).toContain('lacks its NULL');
  });

  it('refuses an endorsement key that may only sign with PSS', () => {
    expect(refusal(() => judge(ek(root, { spki: rsaSpki(PSS, NONE, rsaModulus) })))).toBe('key-usage');
    expect(judge(ek(root, { spki: rsaSpki(OAEP, NULL, rsaModulus) })).class).toBe('hardware');
  });

  it('refuses an authority with an even modulus or an exponent of one', () => {
    const even = rsaModulus.slice();
    even[255] = (even[255] ?? 0) & 0xfe;
    expect(refusal(() => judge(ek(root, { spki: rsaSpki(RSA, NULL, even) })))).toBe('weak-key');
    const forgeable = authority({ spki: rsaSpki(RSA, NULL, rsaModulus, [1]) });
    expect(judge(ek(forgeable, { signingKey: rsaPrivateKey() }), forgeable).class).toBe('unknown-root');
    // With e = 1 a signature is the padded digest itself: whoever sees the key can write it.
    const info = sequence(sequence(derOid('2.16.840.1.101.3.4.2.1'), NULL), der(DER.OCTET_STRING, new Uint8Array(32)));
    const leaf = forge(forgeable, info);
    expect(refusal(() => judge(leaf, forgeable))).toBe('weak-key');
  });
});

/** A leaf below an authority with exponent 1: its signature is written, not made. */
function forge(issuer: Made, info: Uint8Array): Made {
  const made = ek(issuer, { signingKey: rsaPrivateKey() });
  const size = made.der.length;
  const head = ((made.der[6] ?? 0) << 8) | (made.der[7] ?? 0);
  const tbs = made.der.slice(4, 8 + head);
  const value = digest('sha256', tbs);
  info.set(value, info.length - 32);
  const padded = concat(
    new Uint8Array([0, 1]),
    new Uint8Array(256 - 3 - info.length).fill(0xff),
    new Uint8Array(1),
    info,
  );
  const bytes = made.der.slice();
  bytes.set(padded, size - 256);
  return { ...made, der: bytes };
}

describe('the form of certificates', () => {
  const fields = (change: (tbs: Uint8Array[]) => Uint8Array[]) => {
    const leaf = ek(root, { key: newKey() });
    const [tbs, algorithm, signature] = split(leaf.der);
    return { ...leaf, der: sequence(sequence(...change(split(tbs ?? NONE))), algorithm ?? NONE, signature ?? NONE) };
  };
  it('refuses fields after the version, the dates or an attribute that only one of two readers would see', () => {
    const read = (made: Made) => refusal(() => judge(made));
    expect(read(fields(([, ...rest]) => [der(0xa0, small(2), small(2)), ...rest]))).toBe('certificate-malformed');
    expect(read(fields((all) => all.map((field, i) => (i === 4 ? sequence(...split(field), NULL) : field))))).toBe(
      'certificate-malformed',
    );
    const odd = sequence(der(DER.SET, sequence(derOid('2.5.4.3'), der(DER.UTF8, new Uint8Array([65])), NULL)));
    expect(read(fields((all) => all.map((field, i) => (i === 5 ? odd : field))))).toBe('certificate-malformed');
  });

  it('refuses unique identifiers twice, or after the extensions', () => {
    const id = der(0x81, new Uint8Array([0, 1]));
    const other = der(0x82, new Uint8Array([0, 1]));
    const placed = (...order: (Uint8Array | 'extensions')[]) =>
      fields((all) => [
        ...all.slice(0, -1),
        ...order.map((part) => (part === 'extensions' ? (all.at(-1) ?? NONE) : part)),
      ]);
    expect(judge(placed(id, other, 'extensions')).class).toBe('unknown-root');
    for (const order of [
      [id, id, 'extensions'],
      [other, id, 'extensions'],
      ['extensions', id],
    ] as const)
      expect(refusal(() => judge(placed(...order)))).toBe('certificate-malformed');
  });

  it('refuses a certificate that names two TPMs', () => {
    const two = nameExtension(tpmNames(), tpmNames('id:53544D20'));
    expect(refusal(() => judge(ek(root, { extensions: [...EK_EXTENSIONS.slice(0, 3), two] })))).toBe(
      'subject-alternative-name',
    );
    const same = nameExtension(tpmNames(), tpmNames());
    expect(judge(ek(root, { extensions: [...EK_EXTENSIONS.slice(0, 3), same] })).class).toBe('hardware');
  });

  it('refuses a certificate that ends before it begins, however large the leeway', () => {
    const more = { notBefore: '2026-06-01T12:03:00Z', notAfter: '2026-06-01T11:57:00Z' };
    expect(refusal(() => judge(ek(root, more)))).toBe('expired');
  });

  it('cuts foreign names in messages, and lets no line break through', () => {
    const long = describeName(cn('A'.repeat(60_000)));
    expect(long.length).toBeLessThan(210);
    expect(describeName(cn('ok\nERROR forged line\u202e'))).toBe('CN=ok\ufffdERROR forged line\ufffd');
  });
});

function split(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const start = (at: number) => at + 2 + ((bytes[at + 1] ?? 0) < 0x80 ? 0 : (bytes[at + 1] ?? 0) & 0x7f);
  const length = (at: number) => {
    const first = bytes[at + 1] ?? 0;
    return first < 0x80 ? first : bytes.slice(at + 2, start(at)).reduce((sum, byte) => sum * 256 + byte, 0);
  };
  for (let at = start(0); at < bytes.length; at = start(at) + length(at))
    parts.push(bytes.slice(at, start(at) + length(at)));
  return parts;
}

describe('authorities', () => {
  it('refuses an authority without a name', () => {
    const nameless = authority({ subject: EMPTY_NAME });
    expect(refusal(() => judge(ek(nameless), nameless))).toBe('not-a-ca');
  });

  it('refuses policy constraints, since it processes no policies', () => {
    const constraints = extension('2.5.29.36', sequence(der(0x80, new Uint8Array(1))), true);
    const issuing = authority({ extensions: [...CA_EXTENSIONS, constraints] });
    expect(refusal(() => judge(ek(issuing), issuing))).toBe('unknown-critical-extension');
  });

  it('counts no self-issued certificate against a path length, and every other', () => {
    const zero = authority({ extensions: [caExtension(0), usageExtension(0x06)] });
    const rollover = certificate({ subject: 'Issuing', issuer: zero, extensions: CA_EXTENSIONS });
    expect(judge(ek(rollover), zero, rollover).class).toBe('hardware');
    const below = certificate({ subject: 'Below', issuer: zero, extensions: CA_EXTENSIONS });
    expect(refusal(() => judge(ek(below), zero, below))).toBe('path-length');
  });

  it('does not try for long where sixteen authorities share one name and one key', () => {
    const key = newKey();
    const same = Array.from({ length: 16 }, (_, i) =>
      certificate({ subject: 'Same', key, extensions: CA_EXTENSIONS, serial: new Uint8Array([i + 1]) }),
    );
    expect(refusal(() => judge(ek(same[0] as Made), ...same))).toBe('path-too-long');
  });
});

describe('keys', () => {
  it('refuses an attestation key certificate whose key may not sign', () => {
    const AK = [caExtension(undefined, false), purposeExtension(OID.AK_CERTIFICATE), nameExtension(tpmNames())];
    const ak = (extensions: Uint8Array[], more = {}) =>
      certificate({ subject: EMPTY_NAME, issuer: root, extensions, ...more });
    const check = ({ der: leaf }: Made) =>
      verifyAkCertificate({ chain: [leaf], roots: prepareRoots([root.der]), at: AT });
    expect(check(ak(AK)).path).toHaveLength(2);
    expect(refusal(() => check(ak([...AK, usageExtension(0x20)])))).toBe('key-usage');
    expect(refusal(() => check(ak(AK, { spki: rsaSpki(OAEP, NULL, rsaModulus) })))).toBe('key-usage');
  });

  it('refuses a signing or movable key as endorsement key', () => {
    const akName = eccKey().name;
    const secret = new Uint8Array(32);
    for (const attributes of [
      EK_TEMPLATES['L-1'].attributes & ~ATTRIBUTE.RESTRICTED,
      EK_TEMPLATES['L-1'].attributes & ~ATTRIBUTE.FIXED_TPM,
      EK_TEMPLATES['L-1'].attributes & ~ATTRIBUTE.DECRYPT,
      EK_TEMPLATES['L-1'].attributes | ATTRIBUTE.SIGN,
    ]) {
      const ekPublic = { ...EK_TEMPLATES['L-1'], modulus: rsaModulus, attributes };
      expect(refusal(() => makeCredential({ ekPublic, akName, secret }))).toBe('wrong-attributes');
    }
  });

  it('refuses private and secret key objects where a public one is needed', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(refusal(() => ekUri(privateKey))).toBe('bad-argument');
    const parameters = { ekPublic: privateKey, akName: eccKey().name, secret: new Uint8Array(32) };
    expect(refusal(() => makeCredential(parameters))).toBe('bad-argument');
  });

  it('refuses to certify a key that is no point of its curve', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const point = concat(new Uint8Array([0, 4]), new Uint8Array(64).fill(7));
    const akPublic = sequence(
      sequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')),
      der(DER.BIT_STRING, point),
    );
    const parameters = { akPublic, permanentIdentifier: `urn:ek:sha256:${'A'.repeat(43)}=`, tpm: {}, at: AT };
    const issuer = { certificate: root.der, key: privateKey };
    expect(refusal(() => issueAkCertificate({ issuer, ...parameters }))).toBe('weak-key');
  });

  it('finds the ROCA fingerprint where three of its primes do not rule it out', () => {
    const primes = [
      3n,
      5n,
      7n,
      11n,
      13n,
      17n,
      19n,
      23n,
      29n,
      31n,
      37n,
      41n,
      43n,
      47n,
      53n,
      59n,
      61n,
      67n,
      71n,
      73n,
      79n,
    ];
    const more = [83n, 89n, 97n, 101n, 103n, 107n, 109n, 113n, 127n, 131n, 137n, 139n, 149n, 151n, 157n, 163n, 167n];
    const product = [...primes, ...more].reduce((all, prime) => all * prime, 1n);
    const weak = (2n ** 2047n / product) * product + (65537n ** 5n % product);
    expect(isRocaWeak(fromBigInt(weak, 256))).toBe(true);
    // In the subgroup modulo 11, 13 and 37, but not modulo 17: the short test alone would not tell.
    const step = product / 17n;
    const other = weak + step * (65537n % 17n);
    const residues = (n: bigint) => [11n, 13n, 37n].map((prime) => n % prime);
    expect(residues(other)).toEqual(residues(weak));
    expect([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].some((i) => !isRocaWeak(fromBigInt(weak + step * i, 256)))).toBe(true);
  });
});

describe('arguments that would prove nothing', () => {
  it('refuses to check a quote of no PCR', () => {
    const ak = eccKey();
    const nonce = digest('sha256', new Uint8Array(1));
    for (const selection of [[], [{ hash: ALG.SHA256, pcrs: [] }]]) {
      const attest = attestBytes({
        type: 'quote',
        extraData: nonce,
        selections: selection,
        pcrDigest: digest('sha256', NONE),
      });
      const pcrs = selection.map(({ hash }) => ({ hash, values: [] }));
      const quote = { akPublic: ak.bytes, attest, signature: softSign(ak, attest), nonce, selection, pcrs };
      expect(refusal(() => verifyQuote(quote))).toBe('bad-argument');
    }
    expect(DEFAULT_PCR_SELECTION).toHaveLength(1);
  });

  it('refuses two channels of freshness, two identifiers, or none', () => {
    const leaf = certificate({
      issuer: root,
      extensions: [extension('1.2.840.113635.100.8.11.1', digest('sha256', new Uint8Array(Buffer.from('T'))))],
    });
    const apple = (expected: object, freshness: object) =>
      refusal(() =>
        verifyAppleStatement([leaf.der], {
          expect: expected as { serial: string },
          freshness: freshness as { acmeToken: string },
          roots: [root.der],
          at: AT,
        }),
      );
    const acme = { acmeToken: 'T' };
    expect(apple({ serial: 'A', udid: 'B' }, acme)).toBe('bad-argument');
    expect(apple({}, acme)).toBe('bad-argument');
    expect(apple({ serial: 'A' }, { ...acme, mdmNonce: new Uint8Array(32) })).toBe('bad-argument');
    expect(apple({ serial: 'A' }, {})).toBe('bad-argument');
    expect(apple({ serial: 'A' }, acme)).toBe('identifier-missing');
  });
});
