import { constants, type KeyObject, verify } from 'node:crypto';
import { equalBytes } from './bytes.ts';
import {
  bytesOf,
  childrenOf,
  contentOf,
  DER,
  type DerMode,
  type DerNode,
  deviate,
  expectTag,
  readBitString,
  readDer,
  readSmall,
  readUnsigned,
  readWholeDer,
} from './der.ts';
import { refuse } from './error.ts';
import { keyObjectOf } from './keys.ts';
import { type KeyNumbers, parseSpki } from './spki.ts';
import {
  checkName,
  type Extension,
  readExtension,
  readSignatureAlgorithm,
  readTime,
  type SignatureAlgorithm,
} from './x509Fields.ts';

export type { Extension, SignatureAlgorithm };

/** An X.509 certificate (RFC 5280), read without re-encoding anything. Byte fields are views into `raw`. */
export type Certificate = {
  raw: Uint8Array;
  tbs: Uint8Array;
  /** 1, 2 or 3. */
  version: number;
  /** Magnitude of the serial number, big endian. */
  serial: Uint8Array;
  /** Names as DER, compared as bytes. */
  issuer: Uint8Array;
  subject: Uint8Array;
  notBefore: Date;
  notAfter: Date;
  spki: Uint8Array;
  key: KeyNumbers;
  signatureAlgorithm: SignatureAlgorithm;
  signature: Uint8Array;
  extensions: readonly Extension[];
  /** What deviates from DER or RFC 5280 but was tolerated, in words. Empty when read strictly. */
  irregularities: readonly string[];
};

/** Object identifiers of RFC 5280, RFC 4043 and the TCG EK Credential Profile. */
export const OID = {
  BASIC_CONSTRAINTS: '2.5.29.19',
  KEY_USAGE: '2.5.29.15',
  SUBJECT_ALT_NAME: '2.5.29.17',
  EXT_KEY_USAGE: '2.5.29.37',
  CERTIFICATE_POLICIES: '2.5.29.32',
  NAME_CONSTRAINTS: '2.5.29.30',
  SUBJECT_KEY_IDENTIFIER: '2.5.29.14',
  AUTHORITY_KEY_IDENTIFIER: '2.5.29.35',
  ANY_EKU: '2.5.29.37.0',
  EK_CERTIFICATE: '2.23.133.8.1',
  AK_CERTIFICATE: '2.23.133.8.3',
  TPM_MANUFACTURER: '2.23.133.2.1',
  TPM_MODEL: '2.23.133.2.2',
  TPM_VERSION: '2.23.133.2.3',
  PERMANENT_IDENTIFIER: '1.3.6.1.5.5.7.8.3',
} as const;

/** The largest certificate that is read at all, in bytes. */
export const CERTIFICATE_MAX = 65_536;
const EXTENSIONS_MAX = 64;

/**
 * Parses one DER certificate that fills `der` exactly. `lenient` tolerates what real TPM vendors ship (see
 * `irregularities`); without it every deviation from DER is refused.
 * Errors: `certificate-malformed`, `too-large`, `duplicate-extension`, `unsupported-algorithm`.
 */
export function parseCertificate(der: Uint8Array, options: { lenient?: boolean } = {}): Certificate {
  if (der.length > CERTIFICATE_MAX)
    refuse('too-large', `A certificate of ${der.length} bytes is larger than any real one.`);
  const irregularities: string[] = [];
  const mode: DerMode = options.lenient
    ? { code: 'certificate-malformed', irregular: (what) => void irregularities.push(what) }
    : { code: 'certificate-malformed' };
  const outer = childrenOf(expectTag(readWholeDer(der, mode), DER.SEQUENCE, 'The certificate', mode), mode);
  const [tbs, algorithm, signature] = outer;
  if (outer.length !== 3 || !tbs || !algorithm)
    return refuse(mode.code, 'The certificate does not have its three parts.');
  const fields = childrenOf(expectTag(tbs, DER.SEQUENCE, 'The signed part', mode), mode);
  const version = readVersion(fields, mode);
  const [serial, inner, issuer, validity, subject, spki, ...optional] = fields;
  if (!inner || !equalBytes(bytesOf(inner), bytesOf(algorithm))) {
    refuse(mode.code, 'The certificate names two different signature algorithms.');
  }
  const dates = childrenOf(expectTag(validity, DER.SEQUENCE, 'The validity', mode), mode);
  if (dates.length !== 2) refuse(mode.code, 'The validity does not hold exactly two dates.');
  const spkiBytes = bytesOf(expectTag(spki, DER.SEQUENCE, 'The public key', mode));
  return {
    raw: der,
    tbs: bytesOf(tbs),
    version,
    serial: readSerial(serial, mode),
    issuer: bytesOf(checkName(issuer, 'The issuer', mode)),
    subject: bytesOf(checkName(subject, 'The subject', mode)),
    notBefore: readTime(dates[0], mode),
    notAfter: readTime(dates[1], mode),
    spki: spkiBytes,
    key: parseSpki(spkiBytes, mode),
    signatureAlgorithm: readSignatureAlgorithm(algorithm, mode),
    signature: readBitString(signature, 'The signature', mode),
    extensions: readExtensions(optional, version, mode),
    irregularities,
  };
}

function readVersion(fields: DerNode[], mode: DerMode): number {
  if (fields[0]?.tag !== 0xa0) return 1;
  const wrapper = fields.shift();
  const [number, ...rest] = wrapper ? childrenOf(wrapper, mode) : [];
  if (rest.length > 0) refuse(mode.code, 'The version is followed by something else.');
  const version = readSmall(number, 'The version', mode) + 1;
  if (version > 3) refuse(mode.code, `X.509 version ${version} does not exist.`);
  if (version === 1) deviate(mode, 'the default version is encoded explicitly');
  return version;
}

function readSerial(node: DerNode | undefined, mode: DerMode): Uint8Array {
  const bytes = contentOf(expectTag(node, DER.INTEGER, 'The serial number', mode));
  if (bytes.length === 0 || bytes.length > 64) refuse(mode.code, 'The serial number is empty or far too long.');
  if ((bytes[0] ?? 0) >= 0x80) {
    deviate(mode, 'the serial number is negative');
    return bytes;
  }
  return readUnsigned(node, 'the serial number', mode);
}

function readExtensions(optional: readonly DerNode[], version: number, mode: DerMode): Extension[] {
  const wrapper = optional.find((node) => node.tag === 0xa3);
  // issuerUniqueID, subjectUniqueID, extensions: each at most once, in this order (RFC 5280 section 4.1).
  const known = optional.every(({ tag }, i) => [0x81, 0x82, 0xa3].includes(tag) && tag > (optional[i - 1]?.tag ?? 0));
  if (!known) refuse(mode.code, 'The certificate holds fields that do not belong to it.');
  if (!wrapper) return [];
  if (version !== 3) refuse(mode.code, `A certificate of version ${version} cannot carry extensions.`);
  const [list, ...rest] = childrenOf(wrapper, mode);
  if (rest.length > 0) refuse(mode.code, 'The extensions are followed by something else.');
  const nodes = childrenOf(expectTag(list, DER.SEQUENCE, 'The extensions', mode), mode);
  if (nodes.length > EXTENSIONS_MAX)
    refuse('too-large', `A certificate with ${nodes.length} extensions is not a real one.`);
  const extensions = nodes.map((node) => readExtension(node, mode));
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length) {
    refuse(
      'duplicate-extension',
      'The certificate holds one extension twice, so that two readers may see two certificates.',
    );
  }
  return extensions;
}

/** The extension of that identifier; there is one at most. */
export function extensionOf(certificate: Certificate, oid: string): Extension | undefined {
  return certificate.extensions.find((extension) => extension.oid === oid);
}

/** What signed, or may have: its numbers (with the restriction that its certificate puts on it) and the key object made of them. */
export type Signer = { numbers: KeyNumbers; key: () => KeyObject };

/** Whether a key signed a certificate or revocation list; SHA-1 is refused (`weak-algorithm`), as is a key for encryption or for another padding (`key-usage`). */
export function isSignedBy(
  certificate: Pick<Certificate, 'tbs' | 'signature' | 'signatureAlgorithm'>,
  { numbers, key }: Signer,
): boolean {
  const { kind, hash, saltLength } = certificate.signatureAlgorithm;
  if (hash === 'sha1')
    refuse('weak-algorithm', 'A certificate of this chain is signed with SHA-1, which no longer protects.');
  if (numbers.type !== (kind === 'ecdsa' ? 'ecc' : 'rsa')) return false;
  if (numbers.type === 'rsa' && numbers.only !== undefined && numbers.only !== kind)
    refuse('key-usage', `A certificate is signed by a key that is only for ${numbers.only.toUpperCase()}.`);
  if (kind === 'rsa-pss') {
    const options = { key: key(), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    return verify(hash, certificate.tbs, options, certificate.signature);
  }
  return verify(hash, certificate.tbs, key(), certificate.signature);
}

/** A node:crypto key of the certified key. Error: `weak-key`. */
export const publicKeyOf = (certificate: Certificate): KeyObject => keyObjectOf(certificate.key);

/**
 * The DER certificates that stand one after another in `bytes`, up to `max` of them, such as the NV indices 0x01C00100 to 0x01C001FF hold them
 * (joined in order); padding of 00 or FF after the last is dropped. Errors: `certificate-malformed`, `too-large`.
 */
export function splitCertificates(bytes: Uint8Array, max = 16): Uint8Array[] {
  if (bytes.length > CERTIFICATE_MAX) refuse('too-large', 'The certificate chain is larger than any real one.');
  const mode: DerMode = { code: 'certificate-malformed', irregular: () => undefined };
  const certificates: Uint8Array[] = [];
  for (let at = 0; at < bytes.length && bytes[at] === DER.SEQUENCE; ) {
    if (certificates.length === max) refuse('too-large', `More than ${max} certificates follow one another.`);
    const node = readDer(bytes, at, bytes.length, mode);
    certificates.push(bytesOf(node));
    at = node.end;
  }
  return certificates;
}
