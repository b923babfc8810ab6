import { toHex } from './bytes.ts';
import { type Certificate, extensionOf, OID } from './certificate.ts';
import {
  childrenOf,
  contentOf,
  DER,
  type DerMode,
  type DerNode,
  deviate,
  expectTag,
  readBoolean,
  readOid,
  readSmall,
  readWholeDer,
} from './der.ts';
import { refuse } from './error.ts';

/** Extension values of certificates from the field may deviate from DER: the certificate's own reading has the last word on refusal. */
const FIELD: DerMode = { code: 'certificate-malformed', irregular: () => undefined };

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3), first bit = 1. */
export const KEY_USAGE = {
  digitalSignature: 1,
  nonRepudiation: 2,
  keyEncipherment: 4,
  dataEncipherment: 8,
  keyAgreement: 16,
  keyCertSign: 32,
  cRLSign: 64,
} as const;

/** RFC 5280 section 4.2.1.9. */
export type BasicConstraints = { ca: boolean; pathLength?: number };

/** BasicConstraints; undefined without the extension. Deviations from DER go to `irregular`. Error: `certificate-malformed`. */
export function basicConstraintsOf(
  certificate: Certificate,
  irregular?: (what: string) => void,
): BasicConstraints | undefined {
  const extension = extensionOf(certificate, OID.BASIC_CONSTRAINTS);
  if (!extension) return undefined;
  const mode: DerMode = { code: 'certificate-malformed', irregular: irregular ?? (() => undefined) };
  const fields = childrenOf(
    expectTag(readWholeDer(extension.value, mode), DER.SEQUENCE, 'The basic constraints', mode),
    mode,
  );
  const first = fields[0]?.tag === DER.BOOLEAN ? fields.shift() : undefined;
  const ca = first !== undefined && readBoolean(first, mode);
  if (first && !ca) deviate(mode, 'the default of "cA" is encoded explicitly');
  const [length, ...rest] = fields;
  if (rest.length > 0) refuse(mode.code, 'The basic constraints hold fields that do not belong to them.');
  return length ? { ca, pathLength: readSmall(length, 'The path length', mode) } : { ca };
}

/** The bits of {@link KEY_USAGE}; undefined without the extension, which then permits everything. */
export function keyUsageOf(certificate: Certificate): number | undefined {
  const extension = extensionOf(certificate, OID.KEY_USAGE);
  if (!extension) return undefined;
  const bits = contentOf(expectTag(readWholeDer(extension.value, FIELD), DER.BIT_STRING, 'The key usage', FIELD));
  if (bits.length < 2 || (bits[0] ?? 8) > 7) refuse(FIELD.code, 'The key usage is malformed.');
  let usage = 0;
  for (let bit = 0; bit < 8; bit += 1) if ((bits[1] ?? 0) & (0x80 >> bit)) usage |= 1 << bit;
  return usage;
}

/** The purposes of ExtendedKeyUsage in order; undefined without the extension. */
export function extendedKeyUsageOf(certificate: Certificate): string[] | undefined {
  const extension = extensionOf(certificate, OID.EXT_KEY_USAGE);
  if (!extension) return undefined;
  const list = expectTag(readWholeDer(extension.value, FIELD), DER.SEQUENCE, 'The extended key usage', FIELD);
  return childrenOf(list, FIELD).map((node) => readOid(node, FIELD));
}

/** Hexadecimal key identifiers: the subject's, and the one that the issuer is said to have. */
export function keyIdentifiersOf(certificate: Certificate): { subject?: string; authority?: string } {
  const own = extensionOf(certificate, OID.SUBJECT_KEY_IDENTIFIER);
  const other = extensionOf(certificate, OID.AUTHORITY_KEY_IDENTIFIER);
  const found: { subject?: string; authority?: string } = {};
  if (own) {
    const node = expectTag(readWholeDer(own.value, FIELD), DER.OCTET_STRING, 'The subject key identifier', FIELD);
    found.subject = toHex(contentOf(node));
  }
  if (other) {
    const fields = childrenOf(
      expectTag(readWholeDer(other.value, FIELD), DER.SEQUENCE, 'The authority key identifier', FIELD),
      FIELD,
    );
    const id = fields.find((field) => field.tag === 0x80);
    if (id) found.authority = toHex(contentOf(id));
  }
  return found;
}

/** What a SubjectAltName (RFC 5280 section 4.2.1.6) says that matters here, as text. */
export type AlternativeNames = {
  uris: string[];
  permanentIdentifiers: string[];
  /** TPM attributes of every directoryName: TCG EK Credential Profile section 3.2.9. */
  tpm: { manufacturer?: string; model?: string; version?: string };
};

/** Reads SubjectAltName: URIs, PermanentIdentifiers (RFC 4043) and the TPM attributes; undefined without the extension. */
export function alternativeNamesOf(certificate: Certificate): AlternativeNames | undefined {
  const extension = extensionOf(certificate, OID.SUBJECT_ALT_NAME);
  if (!extension) return undefined;
  const names: AlternativeNames = { uris: [], permanentIdentifiers: [], tpm: {} };
  const list = expectTag(readWholeDer(extension.value, FIELD), DER.SEQUENCE, 'The subject alternative name', FIELD);
  for (const name of childrenOf(list, FIELD)) {
    switch (name.tag) {
      case 0x86:
        names.uris.push(Buffer.from(contentOf(name)).toString('latin1'));
        break;
      case 0xa0:
        readOtherName(name, names);
        break;
      case 0xa4:
        for (const directory of childrenOf(name, FIELD)) readTpmAttributes(directory, names.tpm);
        break;
    }
  }
  return names;
}

function readOtherName(node: DerNode, names: AlternativeNames): void {
  const [type, wrapper] = childrenOf(node, FIELD);
  if (readOid(type, FIELD) !== OID.PERMANENT_IDENTIFIER || !wrapper) return;
  const [sequence] = childrenOf(expectTag(wrapper, 0xa0, 'The other name', FIELD), FIELD);
  const [value] = childrenOf(expectTag(sequence, DER.SEQUENCE, 'The permanent identifier', FIELD), FIELD);
  names.permanentIdentifiers.push(readText(expectTag(value, DER.UTF8, 'The permanent identifier', FIELD)));
}

/** Both shapes occur: three components of one attribute each, and one component of three (EK Credential Profile annex A). */
function readTpmAttributes(name: DerNode, tpm: AlternativeNames['tpm']): void {
  for (const [oid, value] of attributesOf(name)) {
    const member = TPM_ATTRIBUTES[oid];
    if (!member) continue;
    if (tpm[member] !== undefined && tpm[member] !== value)
      refuse('subject-alternative-name', `The certificate names two TPMs: they differ in ${member}.`);
    tpm[member] = value;
  }
}

const TPM_ATTRIBUTES: Record<string, keyof AlternativeNames['tpm']> = {
  [OID.TPM_MANUFACTURER]: 'manufacturer',
  [OID.TPM_MODEL]: 'model',
  [OID.TPM_VERSION]: 'version',
};

/** The attributes of a Name in order, with their values as text. */
function attributesOf(name: DerNode): [string, string][] {
  const found: [string, string][] = [];
  for (const rdn of childrenOf(expectTag(name, DER.SEQUENCE, 'A directory name', FIELD), FIELD)) {
    for (const attribute of childrenOf(expectTag(rdn, DER.SET, 'A directory name', FIELD), FIELD)) {
      const [type, value, ...rest] = childrenOf(expectTag(attribute, DER.SEQUENCE, 'A directory name', FIELD), FIELD);
      if (!value || rest.length > 0)
        return refuse(FIELD.code, 'A directory name holds an attribute that is not a type and a value.');
      found.push([readOid(type, FIELD), readText(value)]);
    }
  }
  return found;
}

function readText(node: DerNode): string {
  const bytes = Buffer.from(node.source.buffer, node.source.byteOffset + node.content, node.end - node.content);
  // BMPString (1E) is UTF-16 big endian; the other string types of X.520 are read as UTF-8, of which ASCII is a part.
  if (node.tag !== 0x1e) return bytes.toString('utf8');
  let text = '';
  for (let i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(bytes.readUInt16BE(i));
  return text;
}

const SHORT: Record<string, string> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.5': 'serialNumber',
};

/** A Name as text for people; never compare it. Whoever made the certificate chose it, so that it is cut and may not bring line breaks into a log. */
export function describeName(name: Uint8Array): string {
  const text = attributesOf(readWholeDer(name, FIELD)).map(([oid, value]) => `${SHORT[oid] ?? oid}=${value}`);
  return forPeople(text.join(', ')) || '(empty name)';
}

/** Foreign text as part of a message: at most 200 characters, none of them a control character or one that changes the direction of writing. */
export function forPeople(text: string): string {
  const plain = text.slice(0, 201).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
}
