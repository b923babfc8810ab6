import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { utf8 } from '../bytes.ts';
import { OID } from '../certificate.ts';
import { DER, der, derOid, derUnsigned } from '../der.ts';
import { concat } from '../index.ts';

/** Certificates with anything wrong in them that a test wants. */
export type Made = { der: Uint8Array; key: KeyObject; subject: Uint8Array };

export type CertificateOptions = {
  subject?: Uint8Array | string;
  issuer?: Made;
  issuerName?: Uint8Array;
  key?: KeyObject;
  signingKey?: KeyObject;
  notBefore?: string;
  notAfter?: string;
  extensions?: Uint8Array[];
  version?: number;
  serial?: Uint8Array;
  spki?: Uint8Array;
  hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  innerAlgorithm?: Uint8Array;
  algorithm?: Uint8Array;
  pss?: boolean;
};

export const TRUE = der(DER.BOOLEAN, new Uint8Array([0xff]));
export const FALSE = der(DER.BOOLEAN, new Uint8Array([0]));
export const cn = (name: string): Uint8Array =>
  der(DER.SEQUENCE, der(DER.SET, der(DER.SEQUENCE, derOid('2.5.4.3'), der(DER.UTF8, utf8(name)))));

export function extension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return der(DER.SEQUENCE, derOid(oid), critical ? TRUE : new Uint8Array(0), der(DER.OCTET_STRING, value));
}
export const caExtension = (pathLength?: number, ca = true): Uint8Array =>
  extension(
    OID.BASIC_CONSTRAINTS,
    der(
      DER.SEQUENCE,
      ca ? TRUE : new Uint8Array(0),
      pathLength === undefined ? new Uint8Array(0) : derUnsigned(new Uint8Array([pathLength])),
    ),
    true,
  );
/** `byte` as in the BIT STRING: 0x80 digitalSignature, 0x20 keyEncipherment, 0x08 keyAgreement, 0x04 keyCertSign. */
export const usageExtension = (byte: number): Uint8Array =>
  extension(OID.KEY_USAGE, der(DER.BIT_STRING, new Uint8Array([0, byte])), true);
export const purposeExtension = (...oids: string[]): Uint8Array =>
  extension(OID.EXT_KEY_USAGE, der(DER.SEQUENCE, ...oids.map(derOid)));
export const CA_EXTENSIONS = [caExtension(), usageExtension(0x06)];

export function tpmNames(manufacturer = 'id:49465800', model = 'SLB 9670', version = 'id:0D0B'): Uint8Array {
  const attribute = (oid: string, value: string) => der(DER.SEQUENCE, derOid(oid), der(DER.UTF8, utf8(value)));
  const sets = [
    [OID.TPM_MANUFACTURER, manufacturer],
    [OID.TPM_MODEL, model],
    [OID.TPM_VERSION, version],
  ].map(([oid = '', value = '']) => der(DER.SET, attribute(oid, value)));
  return der(0xa4, der(DER.SEQUENCE, ...sets));
}
export const nameExtension = (...names: Uint8Array[]): Uint8Array =>
  extension(OID.SUBJECT_ALT_NAME, der(DER.SEQUENCE, ...names), true);
export const uriName = (uri: string): Uint8Array => der(0x86, utf8(uri));
export const permanentName = (value: string): Uint8Array =>
  der(0xa0, derOid(OID.PERMANENT_IDENTIFIER), der(0xa0, der(DER.SEQUENCE, der(DER.UTF8, utf8(value)))));

const shared: { rsa?: KeyObject } = {};
export const newKey = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
export function rsaPrivateKey(): KeyObject {
  shared.rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return shared.rsa;
}

const OIDS: Record<string, string> = {
  'rsa sha1': '1.2.840.113549.1.1.5',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha384': '1.2.840.113549.1.1.12',
  'rsa sha512': '1.2.840.113549.1.1.13',
  'ec sha1': '1.2.840.10045.4.1',
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha384': '1.2.840.10045.4.3.3',
  'ec sha512': '1.2.840.10045.4.3.4',
};

export function certificate(options: CertificateOptions = {}): Made {
  const key = options.key ?? newKey();
  const subject = typeof options.subject === 'string' ? cn(options.subject) : (options.subject ?? cn('Test'));
  const signer = options.signingKey ?? options.issuer?.key ?? key;
  const hash = options.hash ?? 'sha256';
  const type = signer.asymmetricKeyType ?? '';
  const parameters = type === 'rsa' ? der(DER.NULL) : new Uint8Array(0);
  const algorithm = options.algorithm ?? der(DER.SEQUENCE, derOid(OIDS[`${type} ${hash}`] ?? ''), parameters);
  const extensions = options.extensions ?? [];
  const version = options.version ?? 3;
  const spki = options.spki ?? new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  const tbs = der(
    DER.SEQUENCE,
    version === 1 ? new Uint8Array(0) : der(0xa0, derUnsigned(new Uint8Array([version - 1]))),
    der(DER.INTEGER, options.serial ?? new Uint8Array([0x21])),
    options.innerAlgorithm ?? algorithm,
    options.issuerName ?? options.issuer?.subject ?? subject,
    der(
      DER.SEQUENCE,
      time(options.notBefore ?? '2024-01-01T00:00:00Z'),
      time(options.notAfter ?? '2044-01-01T00:00:00Z'),
    ),
    subject,
    spki,
    extensions.length > 0 ? der(0xa3, der(DER.SEQUENCE, ...extensions)) : new Uint8Array(0),
  );
  return {
    der: der(
      DER.SEQUENCE,
      tbs,
      algorithm,
      der(
        DER.BIT_STRING,
        new Uint8Array(1),
        sign(
          hash,
          tbs,
          options.pss ? { key: signer, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : signer,
        ),
      ),
    ),
    key,
    subject,
  };
}

function time(iso: string): Uint8Array {
  return der(DER.GENERALIZED_TIME, utf8(`${iso.replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

/** A vendor's root, one intermediate and an EK certificate below them; `at` is when all are valid. */
export const AT = new Date('2026-06-01T12:00:00Z');
export const EK_EXTENSIONS = [
  caExtension(undefined, false),
  usageExtension(0x20),
  purposeExtension(OID.EK_CERTIFICATE),
  nameExtension(tpmNames()),
];
export const EMPTY_NAME = der(DER.SEQUENCE);

export function vendorChain(
  options: { leaf?: CertificateOptions; intermediate?: CertificateOptions; root?: CertificateOptions } = {},
) {
  const root = certificate({ subject: 'Vendor Root', extensions: CA_EXTENSIONS, ...options.root });
  const intermediate = certificate({
    subject: 'Vendor Issuing',
    issuer: root,
    extensions: CA_EXTENSIONS,
    ...options.intermediate,
  });
  const leaf = certificate({
    subject: EMPTY_NAME,
    issuer: intermediate,
    key: rsaPrivateKey(),
    extensions: EK_EXTENSIONS,
    ...options.leaf,
  });
  return { root, intermediate, leaf };
}

export { concat };
