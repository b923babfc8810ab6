import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { utf8 } from './bytes.ts';
import { OID, parseCertificate } from './certificate.ts';
import { DER, der, derOid, derUnsigned } from './der.ts';
import { refuse } from './error.ts';
import { KEY_USAGE } from './extensions.ts';
import { digest, type HashName } from './hashes.ts';
import { checkKeyStrength } from './keys.ts';
import { normalizePermanentIdentifier } from './permanentIdentifier.ts';
import { encodeSpki, parseSpki } from './spki.ts';

/** A certificate authority: its certificate (DER) and its private key (node:crypto; EC on P-256 or P-384, or RSA). */
export type Authority = { certificate: Uint8Array; key: KeyObject };

/** TPM attributes as `parseEkCertificate` gives them, or as the device reports them where there is no EK certificate. */
export type TpmAttributes = { manufacturer?: string; model?: string; version?: string };

const DAY_MS = 24 * 3_600_000;

/**
 * Issues the certificate of an attestation key whose activation was proven, by the rules of step-ca, tpmkms and WebAuthn section 8.3.1:
 * version 3, empty subject, critical subject alternative name with the EK URN as URI and as PermanentIdentifier (RFC 4043) and the TPM
 * attributes as directoryName, purpose 2.23.133.8.3, no authority, a random serial number of 16 bytes.
 *
 * Encoded here rather than by a general library: @peculiar/x509 took about twenty times as long, and an inventory issues one for
 * every enrolment.
 * @param parameters.akPublic SubjectPublicKeyInfo DER of the attestation key. @param parameters.at the moment of issue.
 * @param parameters.lifetimeMs one day when absent. @param parameters.backdateMs how far notBefore lies before `at`, for slow
 * clocks; 5 minutes when absent.
 * @returns DER of the certificate.
 * @throws AttestationError `bad-argument` for a lifetime that clients would renew at once, `identifier-malformed`, `unsupported-algorithm`, `weak-key`, `roca-weak-key`, key errors.
 */
export function issueAkCertificate(parameters: {
  issuer: Authority;
  akPublic: Uint8Array;
  permanentIdentifier: string;
  tpm: TpmAttributes;
  at: Date;
  lifetimeMs?: number;
  backdateMs?: number;
}): Uint8Array {
  const { issuer, at, lifetimeMs = DAY_MS, backdateMs = 5 * 60_000 } = parameters;
  const urn = normalizePermanentIdentifier(parameters.permanentIdentifier);
  // tpmkms renews when less than 60 % of the time from notBefore remains.
  if (!(lifetimeMs > 0.6 * (lifetimeMs + backdateMs)) || backdateMs < 0) {
    refuse(
      'bad-argument',
      'This lifetime is too short for its backdating: clients would renew the certificate at once.',
    );
  }
  const akKey = parseSpki(parameters.akPublic);
  checkKeyStrength(akKey, 'The attestation key');
  return build(issuer, {
    subject: der(DER.SEQUENCE),
    spki: encodeSpki(akKey),
    notBefore: new Date(at.getTime() - backdateMs),
    notAfter: new Date(at.getTime() + lifetimeMs),
    extensions: [
      extension(OID.BASIC_CONSTRAINTS, true, der(DER.SEQUENCE)),
      extension(OID.KEY_USAGE, true, keyUsage(KEY_USAGE.digitalSignature)),
      extension(OID.EXT_KEY_USAGE, false, der(DER.SEQUENCE, derOid(OID.AK_CERTIFICATE))),
      extension(OID.SUBJECT_ALT_NAME, true, encodeNames(urn, parameters.tpm)),
    ],
  });
}

/**
 * Makes an attestation authority: a P-256 root (20 years when `rootYears` is absent) and an issuing authority below it (10 years; no
 * further authorities, attestation keys only). Two classes of trust need two calls, so that trusting one root never trusts the devices of the other.
 * @param parameters.name goes into the common names. The keys come back as private key objects: encrypt them at rest.
 */
export function createAttestationCa(parameters: {
  name: string;
  at: Date;
  rootYears?: number;
  issuingYears?: number;
}): { root: Authority; issuing: Authority } {
  const { name, at, rootYears = 20, issuingYears = 10 } = parameters;
  const root = createAuthority({ name: `${name} Root`, at, years: rootYears, pathLength: 1 });
  return {
    root,
    issuing: createIssuingAuthority({ name: `${name} Issuing`, at, years: Math.min(rootYears, issuingYears), root }),
  };
}

/** A new issuing authority below an existing root: what a rotation of keys needs. */
export function createIssuingAuthority(parameters: {
  name: string;
  at: Date;
  years: number;
  root: Authority;
}): Authority {
  return createAuthority({ ...parameters, pathLength: 0 });
}

function createAuthority(wanted: {
  name: string;
  at: Date;
  years: number;
  pathLength: number;
  root?: Authority;
}): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const subject = der(
    DER.SEQUENCE,
    der(DER.SET, der(DER.SEQUENCE, derOid('2.5.4.3'), der(DER.UTF8, utf8(wanted.name)))),
  );
  const pathLength = derUnsigned(new Uint8Array([wanted.pathLength]));
  const extensions = [
    extension(OID.BASIC_CONSTRAINTS, true, der(DER.SEQUENCE, TRUE, pathLength)),
    extension(OID.KEY_USAGE, true, keyUsage(KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign)),
  ];
  if (wanted.root) extensions.push(extension(OID.EXT_KEY_USAGE, false, der(DER.SEQUENCE, derOid(OID.AK_CERTIFICATE))));
  const notAfter = new Date(wanted.at);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + wanted.years);
  const body = { subject, spki, notBefore: new Date(wanted.at.getTime() - 3_600_000), notAfter, extensions };
  const certificate = build(wanted.root ?? { key: privateKey, subject, spki }, body);
  return { certificate, key: privateKey };
}

type Body = { subject: Uint8Array; spki: Uint8Array; notBefore: Date; notAfter: Date; extensions: Uint8Array[] };
/** A root signs itself: its own name and key stand in for an issuer's certificate. */
type Self = { key: KeyObject; subject: Uint8Array; spki: Uint8Array };

const TRUE = der(DER.BOOLEAN, new Uint8Array([0xff]));

/** RFC 5280 section 4.1. */
function build(issuer: Authority | Self, body: Body): Uint8Array {
  const parent = 'certificate' in issuer ? parseCertificate(issuer.certificate) : issuer;
  const { identifier, hash } = signingAlgorithm(issuer.key);
  const serial = new Uint8Array(randomBytes(16));
  // Positive, and of the full length whatever was drawn (RFC 5280 section 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const extensions = [
    ...body.extensions,
    extension('2.5.29.14', false, der(DER.OCTET_STRING, keyIdentifier(body.spki))),
    extension('2.5.29.35', false, der(DER.SEQUENCE, der(0x80, keyIdentifier(parent.spki)))),
  ];
  const tbs = der(
    DER.SEQUENCE,
    der(0xa0, derUnsigned(new Uint8Array([2]))),
    derUnsigned(serial),
    identifier,
    parent.subject,
    der(DER.SEQUENCE, time(body.notBefore), time(body.notAfter)),
    body.subject,
    body.spki,
    der(0xa3, der(DER.SEQUENCE, ...extensions)),
  );
  return der(DER.SEQUENCE, tbs, identifier, der(DER.BIT_STRING, new Uint8Array(1), sign(hash, tbs, issuer.key)));
}

function signingAlgorithm(key: KeyObject): { identifier: Uint8Array; hash: HashName } {
  if (key.asymmetricKeyType === 'rsa') {
    return { identifier: der(DER.SEQUENCE, derOid('1.2.840.113549.1.1.11'), der(DER.NULL)), hash: 'sha256' };
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return { identifier: der(DER.SEQUENCE, derOid('1.2.840.10045.4.3.2')), hash: 'sha256' };
  if (curve === 'secp384r1') return { identifier: der(DER.SEQUENCE, derOid('1.2.840.10045.4.3.3')), hash: 'sha384' };
  return refuse('unsupported-algorithm', 'Authorities sign with RSA, P-256 or P-384 keys.');
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return der(DER.SEQUENCE, derOid(oid), critical ? TRUE : new Uint8Array(0), der(DER.OCTET_STRING, value));
}

/** A BIT STRING of KeyUsage without its trailing zero bits, as DER wants a named bit list. */
function keyUsage(bits: number): Uint8Array {
  let byte = 0;
  for (let bit = 0; bit < 8; bit += 1) if (bits & (1 << bit)) byte |= 0x80 >> bit;
  return der(DER.BIT_STRING, new Uint8Array([31 - Math.clz32(byte & -byte), byte]));
}

/** Two-digit years until 2049 (RFC 5280 section 4.1.2.5). */
function time(date: Date): Uint8Array {
  const text = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  const short = date.getUTCFullYear() < 2050;
  return der(short ? DER.UTC_TIME : DER.GENERALIZED_TIME, utf8(short ? text.slice(2) : text));
}

/** RFC 7093 section 2 method 1, over the whole key: the leftmost 160 bits of SHA-256. */
const keyIdentifier = (spki: Uint8Array): Uint8Array => digest('sha256', spki).subarray(0, 20);

function encodeNames(urn: string, tpm: TpmAttributes): Uint8Array {
  const identifier = der(DER.SEQUENCE, der(DER.UTF8, utf8(urn)));
  const attributes = [
    attribute(OID.TPM_MANUFACTURER, tpm.manufacturer),
    attribute(OID.TPM_MODEL, tpm.model),
    attribute(OID.TPM_VERSION, tpm.version),
  ];
  return der(
    DER.SEQUENCE,
    der(0xa4, der(DER.SEQUENCE, ...attributes)),
    der(0xa0, derOid(OID.PERMANENT_IDENTIFIER), der(0xa0, identifier)),
    der(0x86, utf8(urn)),
  );
}

/** One relative name with a UTF8String of printable ASCII: TPM vendor strings hold NULs and worse, and step-ca refuses an empty one. */
function attribute(oid: string, value: string | undefined): Uint8Array {
  const clean =
    (value ?? '')
      .replace(/[^\x20-\x7e]/g, '')
      .trim()
      .slice(0, 64) || 'unknown';
  return der(DER.SET, der(DER.SEQUENCE, derOid(oid), der(DER.UTF8, utf8(clean))));
}
