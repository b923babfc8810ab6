import { describe, expect, it } from 'vitest';
import { OID } from './certificate.ts';
import {
  ALG,
  type CborValue,
  createAttestationCa,
  digest,
  ekUri,
  encodeCbor,
  issueAkCertificate,
  parseCertificate,
  parsePublic,
  verifyTpmStatement,
} from './index.ts';
import { spkiOf } from './spki.ts';
import { certificate, EMPTY_NAME, nameExtension, purposeExtension, tpmNames } from './testing/certificates.ts';
import { refusal } from './testing/refusal.ts';
import {
  AK_ATTRIBUTES,
  attestBytes,
  DEVICE_ATTRIBUTES,
  eccKey,
  rsaKey,
  type SoftKey,
  softSign,
} from './testing/softTpm.ts';
import { hex, vectors } from './testing/vectors.ts';

const at = new Date('2026-06-01T12:00:00Z');
const ca = createAttestationCa({ name: 'Test', at });
const urn = ekUri(spkiOf(rsaKey().area));
const keyAuthorization = 'token.thumbprint';
const extraData = digest('sha256', new Uint8Array(Buffer.from(keyAuthorization)));
const device = eccKey({ attributes: DEVICE_ATTRIBUTES }, 'P-256', true);
const tpm = { manufacturer: 'id:49465800', model: 'SLB', version: '1' };

function statement(
  options: {
    ak?: SoftKey;
    subject?: SoftKey;
    extra?: Uint8Array;
    alg?: number;
    hash?: number;
    change?: (members: Map<string, CborValue>) => void;
    fmt?: string;
  } = {},
) {
  const { ak = eccKey(), subject = device, extra = extraData, alg = -7, fmt = 'tpm' } = options;
  const leaf = issueAkCertificate({ issuer: ca.issuing, akPublic: spkiOf(ak.area), permanentIdentifier: urn, tpm, at });
  const certInfo = attestBytes({ type: 'certify', extraData: extra, name: subject.name });
  const scheme = options.hash === undefined ? ak.area.scheme : { ...ak.area.scheme, hash: options.hash };
  const members = new Map<string, CborValue>([
    ['alg', alg],
    ['sig', softSign(ak, certInfo, scheme)],
    ['ver', '2.0'],
    ['x5c', [leaf, ca.issuing.certificate]],
    ['pubArea', subject.bytes],
    ['certInfo', certInfo],
  ]);
  options.change?.(members);
  return encodeCbor(
    new Map<string, CborValue>([
      ['fmt', fmt],
      ['attStmt', members],
      ['authData', new Uint8Array(3)],
    ]),
  );
}
const options = { keyAuthorization, roots: [ca.root.certificate], at };
const without = (name: string) => statement({ change: (members) => void members.delete(name) });
const withMember = (name: string, value: CborValue) =>
  statement({ change: (members) => void members.set(name, value) });

describe('tpm statements', () => {
  it('accept a key certified by an attestation key, and say which device', () => {
    const verified = verifyTpmStatement(statement(), options);
    expect(verified.permanentIdentifier).toBe(urn);
    expect(verified.key.spki).toEqual(spkiOf(device.area));
  });
  it('accept RSA and PSS attestation keys, and an alg of the attested key as step CLI sends it', () => {
    for (const alg of [-257, -7])
      expect(verifyTpmStatement(statement({ ak: rsaKey(), alg }), options).permanentIdentifier).toBe(urn);
    const pss = rsaKey({ scheme: { alg: ALG.RSAPSS, hash: ALG.SHA256 } });
    expect(verifyTpmStatement(statement({ ak: pss, alg: -37 }), options).ak.path).toHaveLength(3);
  });
  it('accept extra data in place of a key authorization', () => {
    const { keyAuthorization: _, ...rest } = options;
    expect(verifyTpmStatement(statement(), { ...rest, extraData }).attest.extraData).toEqual(extraData);
  });
  it('accept a certification made by a TPM', () => {
    const ak = vectors.aks.find(({ kind }) => kind === 'rsa-2048');
    if (!ak) throw new Error('no vector');
    const made = createAttestationCa({ name: 'Vectors', at });
    const leaf = issueAkCertificate({
      issuer: made.issuing,
      akPublic: spkiOf(parsePublic(hex(ak.public))),
      permanentIdentifier: urn,
      tpm,
      at,
    });
    const members = new Map<string, CborValue>([
      ['ver', '2.0'],
      ['alg', -257],
      ['x5c', [leaf, made.issuing.certificate]],
      ['sig', hex(ak.certify.signature)],
      ['certInfo', hex(ak.certify.attest)],
      ['pubArea', hex(ak.certify.subjectPublic)],
    ]);
    const object = encodeCbor(
      new Map<string, CborValue>([
        ['fmt', 'tpm'],
        ['attStmt', members],
      ]),
    );
    const verified = verifyTpmStatement(object, {
      extraData: hex(ak.certify.extraData),
      roots: [made.root.certificate],
      at,
    });
    expect(verified.attest.type).toBe('certify');
  });
  it('refuses a stale key authorization', () => {
    expect(refusal(() => verifyTpmStatement(statement(), { ...options, keyAuthorization: 'other.thumbprint' }))).toBe(
      'wrong-extra-data',
    );
  });
  it('refuses to verify against no challenge, an empty one, or two', () => {
    const { keyAuthorization: _, ...rest } = options;
    expect(refusal(() => verifyTpmStatement(statement(), rest))).toBe('bad-argument');
    expect(refusal(() => verifyTpmStatement(statement(), { ...options, keyAuthorization: '' }))).toBe('bad-argument');
    expect(refusal(() => verifyTpmStatement(statement(), { ...rest, extraData: new Uint8Array(0) }))).toBe(
      'bad-argument',
    );
    expect(refusal(() => verifyTpmStatement(statement(), { ...options, extraData }))).toBe('bad-argument');
  });
  it('refuses SHA-1 signatures unless policy allows them', () => {
    const ak = rsaKey({ scheme: { alg: ALG.RSASSA, hash: ALG.SHA1 } });
    const old = statement({ ak, alg: -65535 });
    expect(refusal(() => verifyTpmStatement(old, options))).toBe('weak-algorithm');
    expect(verifyTpmStatement(old, { ...options, policy: { allowSha1: true } }).permanentIdentifier).toBe(urn);
  });
  it('refuses an alg that is unknown or does not fit the signature', () => {
    expect(refusal(() => verifyTpmStatement(statement({ alg: -8 }), options))).toBe('unsupported-algorithm');
    expect(refusal(() => verifyTpmStatement(without('alg'), options))).toBe('unsupported-algorithm');
    expect(refusal(() => verifyTpmStatement(statement({ alg: -35 }), options))).toBe('wrong-scheme');
    expect(
      refusal(() => verifyTpmStatement(statement({ alg: -65535 }), { ...options, policy: { allowSha1: true } })),
    ).toBe('wrong-scheme');
  });
  it('refuses a signature of another key type than the certificate', () => {
    const info = attestBytes({ type: 'certify', extraData, name: device.name });
    expect(refusal(() => verifyTpmStatement(withMember('sig', softSign(rsaKey(), info)), options))).toBe(
      'wrong-scheme',
    );
    const other = statement({
      ak: rsaKey(),
      alg: -257,
      change: (members) => void members.set('sig', softSign(eccKey(), info)),
    });
    expect(refusal(() => verifyTpmStatement(other, options))).toBe('wrong-scheme');
  });
  it('refuses a signature by another key', () => {
    const info = attestBytes({ type: 'certify', extraData, name: device.name });
    expect(
      refusal(() => verifyTpmStatement(withMember('sig', softSign(eccKey({}, 'P-256', true), info)), options)),
    ).toBe('bad-signature');
  });
  it('refuses another public area than the certified one', () => {
    expect(
      refusal(() =>
        verifyTpmStatement(withMember('pubArea', eccKey({ attributes: DEVICE_ATTRIBUTES }).bytes), options),
      ),
    ).toBe('wrong-name');
  });
  it('refuses a restricted or movable key as attested key', () => {
    for (const attributes of [AK_ATTRIBUTES, 0x00040000])
      expect(refusal(() => verifyTpmStatement(statement({ subject: eccKey({ attributes }) }), options))).toBe(
        'wrong-attributes',
      );
  });
  it('refuses a quote in place of a certification', () => {
    const quote = attestBytes({ type: 'quote', extraData });
    const made = statement({
      change: (members) => void members.set('certInfo', quote).set('sig', softSign(eccKey(), quote)),
    });
    expect(refusal(() => verifyTpmStatement(made, options))).toBe('wrong-type');
  });
  it('refuses another format, another version and missing members', () => {
    expect(refusal(() => verifyTpmStatement(statement({ fmt: 'apple' }), options))).toBe('wrong-format');
    expect(refusal(() => verifyTpmStatement(withMember('ver', '1.2'), options))).toBe('wrong-format');
    for (const name of ['ver', 'sig', 'certInfo', 'pubArea', 'x5c'])
      expect(refusal(() => verifyTpmStatement(without(name), options))).toBe('wrong-format');
    expect(refusal(() => verifyTpmStatement(encodeCbor(5), options))).toBe('wrong-format');
    expect(refusal(() => verifyTpmStatement(encodeCbor(new Map([['fmt', 'tpm']])), options))).toBe('wrong-format');
    expect(refusal(() => verifyTpmStatement(encodeCbor(new Map([['fmt', 5]])), options))).toBe('wrong-format');
  });
  it('refuses an x5c that is empty, no list of bytes, or out of order', () => {
    for (const x5c of [[], 'text', ['text'], Array(9).fill(new Uint8Array(1))] as CborValue[])
      expect(refusal(() => verifyTpmStatement(withMember('x5c', x5c), options))).toBe('wrong-format');
    const reversed = statement({
      change: (members) => void members.set('x5c', [...(members.get('x5c') as Uint8Array[])].reverse()),
    });
    expect(refusal(() => verifyTpmStatement(reversed, options))).toBe('subject-alternative-name');
    const doubled = statement({
      change: (members) => void members.set('x5c', [...(members.get('x5c') as Uint8Array[]), ca.issuing.certificate]),
    });
    expect(refusal(() => verifyTpmStatement(doubled, options))).toBe('wrong-chain');
  });
  it('refuses an AK certificate of an authority that is not accepted', () => {
    expect(
      refusal(() =>
        verifyTpmStatement(statement(), {
          ...options,
          roots: [createAttestationCa({ name: 'Test', at }).root.certificate],
        }),
      ),
    ).toBe('no-path');
  });
  it('refuses a self-signed AK certificate', () => {
    const own = certificate({
      subject: EMPTY_NAME,
      key: eccKey().privateKey,
      extensions: [purposeExtension(OID.AK_CERTIFICATE), nameExtension(tpmNames())],
    });
    expect(refusal(() => verifyTpmStatement(withMember('x5c', [own.der]), options))).toBe('no-path');
  });
  it('accepts an AK certificate without device, and reports none', () => {
    const own = certificate({
      subject: EMPTY_NAME,
      key: eccKey().privateKey,
      extensions: [purposeExtension(OID.AK_CERTIFICATE), nameExtension(tpmNames())],
      issuer: { der: ca.issuing.certificate, key: ca.issuing.key, subject: subjectOf(ca.issuing.certificate) },
    });
    const verified = verifyTpmStatement(withMember('x5c', [own.der, ca.issuing.certificate]), options);
    expect(verified.permanentIdentifier).toBeUndefined();
  });
});

function subjectOf(der: Uint8Array): Uint8Array {
  return parseCertificate(der).subject;
}
