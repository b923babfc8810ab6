import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { concat, utf8 } from './bytes.ts';
import { OID, parseCertificate } from './certificate.ts';
import { DER, der, derOid } from './der.ts';
import { refuse } from './error.ts';
import { digest } from './hashes.ts';
import { normalizePermanentIdentifier } from './permanentIdentifier.ts';
import { canonicalSpki } from './spki.ts';

/** A certificate authority: its certificate (DER) and private key (node:crypto, EC P-256/P-384 or RSA). */
export type Authority = { certificate: Uint8Array; key: KeyObject };

/** TPM attributes as `parseEkCertificate` gives them, or as the device reports them where there is no EK certificate. */
export type TpmAttributes = { manufacturer?: string; model?: string; version?: string };

const DAY_MS = 24 * 3_600_000;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/**
 * Issues the certificate of an attestation key whose activation was proven (shared/reference: rules of step-ca, tpmkms and WebAuthn section
 * 8.3.1): version 3, empty subject, critical subject alternative name with the EK URN as URI and as PermanentIdentifier (RFC 4043) and the TPM
 * attributes as directoryName, purpose 2.23.133.8.3, no authority, a random serial number of 16 bytes.
 * @param parameters.akPublic canonical or other SubjectPublicKeyInfo DER of the attestation key. @param parameters.at the moment of issue.
 * @param parameters.lifetimeMs one day when absent. @param parameters.backdateMs how far notBefore lies before `at`, for slow clocks; 5 minutes when absent.
 * @returns DER of the certificate. Errors: `bad-argument` for a lifetime that clients would renew at once, `identifier-malformed`, key errors.
 */
export async function issueAkCertificate(parameters: {
  issuer: Authority;
  akPublic: Uint8Array;
  permanentIdentifier: string;
  tpm: TpmAttributes;
  at: Date;
  lifetimeMs?: number;
  backdateMs?: number;
}): Promise<Uint8Array> {
  const { issuer, at, lifetimeMs = DAY_MS, backdateMs = 5 * 60_000 } = parameters;
  const urn = normalizePermanentIdentifier(parameters.permanentIdentifier);
  // tpmkms renews when less than 60 % of the time from notBefore remains.
  if (!(lifetimeMs > 0.6 * (lifetimeMs + backdateMs)) || backdateMs < 0) {
    refuse(
      'bad-argument',
      'This lifetime is too short for its backdating: clients would renew the certificate at once.',
    );
  }
  const x509 = await load();
  const spki = canonicalSpki(parameters.akPublic);
  return sign(x509, issuer, {
    subject: new Uint8Array([0x30, 0]),
    spki,
    notBefore: new Date(at.getTime() - backdateMs),
    notAfter: new Date(at.getTime() + lifetimeMs),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([OID.AK_CERTIFICATE], false),
      new x509.Extension(OID.SUBJECT_ALT_NAME, true, buffer(encodeNames(urn, parameters.tpm))),
    ],
  });
}

/**
 * Makes an attestation authority: a root (P-256, `rootYears` 20) and an issuing authority below it (`issuingYears` 10, no further authorities,
 * attestation keys only). Two classes of trust need two authorities made by two calls, so that trusting one root never trusts the other's devices.
 * @param parameters.name goes into the subjects' common names. Keys come back as private key objects: encrypt them at rest.
 */
export async function createAttestationCa(parameters: {
  name: string;
  at: Date;
  rootYears?: number;
  issuingYears?: number;
}): Promise<{ root: Authority; issuing: Authority }> {
  const { name, at, rootYears = 20, issuingYears = 10 } = parameters;
  const x509 = await load();
  const root = await authority(x509, { name: `${name} Root`, at, years: rootYears, pathLength: 1 });
  const issuing = await authority(x509, {
    name: `${name} Issuing`,
    at,
    years: Math.min(rootYears, issuingYears),
    pathLength: 0,
    parent: root,
  });
  return { root, issuing };
}

type Peculiar = typeof X509;

/** Loaded when something is issued: the client's tools, which start in milliseconds, import this room too. */
async function load(): Promise<Peculiar> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

async function authority(
  x509: Peculiar,
  wanted: { name: string; at: Date; years: number; pathLength: number; parent?: Authority },
): Promise<Authority> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const subject = nameOf(wanted.name);
  const extensions: X509.Extension[] = [
    new x509.BasicConstraintsExtension(true, wanted.pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
  if (wanted.parent) extensions.push(new x509.ExtendedKeyUsageExtension([OID.AK_CERTIFICATE], false));
  const notAfter = new Date(wanted.at);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + wanted.years);
  const body = { subject, spki, notBefore: new Date(wanted.at.getTime() - 3_600_000), notAfter, extensions };
  const certificate = await sign(x509, wanted.parent ?? { key: pair.privateKey, self: { subject, spki } }, body);
  return { certificate, key: pair.privateKey };
}

type Body = { subject: Uint8Array; spki: Uint8Array; notBefore: Date; notAfter: Date; extensions: X509.Extension[] };
type Self = { key: KeyObject; self: { subject: Uint8Array; spki: Uint8Array } };

async function sign(x509: Peculiar, issuer: Authority | Self, body: Body): Promise<Uint8Array> {
  const parent = 'self' in issuer ? issuer.self : parseCertificate(issuer.certificate);
  const serial = new Uint8Array(randomBytes(16));
  // Positive, and of the full length whatever was drawn (RFC 5280 section 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = signingAlgorithm(issuer.key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(serial).toString('hex'),
    subject: new x509.Name(buffer(body.subject)).toJSON(),
    issuer: new x509.Name(buffer(parent.subject)).toJSON(),
    notBefore: body.notBefore,
    notAfter: body.notAfter,
    publicKey: new x509.PublicKey(buffer(body.spki)),
    signingKey: issuer.key.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      ...body.extensions,
      new x509.SubjectKeyIdentifierExtension(Buffer.from(keyIdentifier(body.spki)).toString('hex')),
      new x509.AuthorityKeyIdentifierExtension(Buffer.from(keyIdentifier(parent.spki)).toString('hex')),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

function signingAlgorithm(key: KeyObject) {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return { ...KEY_ALGORITHM, hash: 'SHA-256' } as const;
  if (curve === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;
  return refuse('unsupported-algorithm', 'Authorities sign with RSA, P-256 or P-384 keys.');
}

/** RFC 7093 section 2 method 1: the leftmost 160 bits of SHA-256 over the key. */
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

function nameOf(commonName: string): Uint8Array {
  return der(DER.SEQUENCE, der(DER.SET, der(DER.SEQUENCE, derOid('2.5.4.3'), der(DER.UTF8, utf8(commonName)))));
}

const buffer = (bytes: Uint8Array): ArrayBuffer => concat(bytes).buffer as ArrayBuffer;
