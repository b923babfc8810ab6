import { toHex } from './bytes.ts';
import {
  bytesOf,
  childrenOf,
  contentOf,
  DER,
  type DerMode,
  type DerNode,
  deviate,
  expectTag,
  readBoolean,
  readOid,
} from './der.ts';
import { refuse } from './error.ts';
import type { HashName } from './hashes.ts';
import { readPssParameters } from './pss.ts';

/** The value is what the extension's OCTET STRING holds. */
export type Extension = { oid: string; critical: boolean; value: Uint8Array };

/** `saltLength` in bytes, for PSS. */
export type SignatureAlgorithm = { kind: 'rsa' | 'rsa-pss' | 'ecdsa'; hash: HashName; saltLength?: number };

const SIGNATURES: Record<string, SignatureAlgorithm> = {
  '1.2.840.113549.1.1.5': { kind: 'rsa', hash: 'sha1' },
  '1.2.840.113549.1.1.11': { kind: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { kind: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { kind: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.1': { kind: 'ecdsa', hash: 'sha1' },
  '1.2.840.10045.4.3.2': { kind: 'ecdsa', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { kind: 'ecdsa', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { kind: 'ecdsa', hash: 'sha512' },
};
const RSASSA_PSS = '1.2.840.113549.1.1.10';

/** Walks a Name only far enough to know that it is one, and whether its sets are sorted (four Nuvoton roots are not). */
export function checkName(node: DerNode | undefined, what: string, mode: DerMode): DerNode {
  const name = expectTag(node, DER.SEQUENCE, what, mode);
  for (const rdn of childrenOf(name, mode)) {
    const members = childrenOf(expectTag(rdn, DER.SET, what, mode), mode);
    if (members.length === 0) refuse(mode.code, `${what} holds an empty set.`);
    for (const [i, member] of members.entries()) {
      const fields = childrenOf(expectTag(member, DER.SEQUENCE, what, mode), mode);
      readOid(fields[0], mode);
      if (fields.length !== 2) refuse(mode.code, `${what} holds an attribute that is not a type and a value.`);
      const previous = members[i - 1];
      if (previous && toHex(bytesOf(previous)) > toHex(bytesOf(member))) {
        deviate(mode, 'a multi-valued name component is not sorted');
      }
    }
  }
  return name;
}

/** UTCTime or GeneralizedTime in RFC 5280's form: to the second, in UTC (section 4.1.2.5). */
export function readTime(node: DerNode | undefined, mode: DerMode): Date {
  if (!node) return refuse(mode.code, 'The validity lacks a date.');
  const { source, content, end } = node;
  const years = node.tag === DER.UTC_TIME ? 2 : node.tag === DER.GENERALIZED_TIME ? 4 : 0;
  let wellFormed = years > 0 && end - content === years + 11 && source[end - 1] === 0x5a;
  const number = (from: number, size: number): number => {
    let value = 0;
    for (let i = from; i < from + size; i += 1) {
      const digit = (source[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) wellFormed = false;
      value = value * 10 + digit;
    }
    return value;
  };
  const at = content + years;
  const [year, month, day] = [number(content, years), number(at, 2), number(at + 2, 2)];
  const [hour, minute, second] = [number(at + 4, 2), number(at + 6, 2), number(at + 8, 2)];
  if (!wellFormed) return refuse(mode.code, 'A date of the certificate is malformed.');
  // Section 4.1.2.5.1: two-digit years below 50 are of this century.
  const full = years === 4 ? year : year + (year < 50 ? 2000 : 1900);
  const time = new Date(Date.UTC(full, month - 1, day, hour, minute, second));
  const exists =
    time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (full < 1900 || !exists) refuse(mode.code, 'A date of the certificate does not exist.');
  return time;
}

/** AlgorithmIdentifier of a signature (RFC 5280 section 4.1.1.2). Errors: the mode's code, `unsupported-algorithm`, `weak-algorithm`. */
export function readSignatureAlgorithm(node: DerNode, mode: DerMode): SignatureAlgorithm {
  const [oidNode, parameters, ...rest] = childrenOf(
    expectTag(node, DER.SEQUENCE, 'The signature algorithm', mode),
    mode,
  );
  const oid = readOid(oidNode, mode);
  if (rest.length > 0) refuse(mode.code, 'The signature algorithm holds fields that do not belong to it.');
  if (oid === RSASSA_PSS) return { kind: 'rsa-pss', ...readPssParameters(parameters, mode) };
  const known =
    SIGNATURES[oid] ?? refuse('unsupported-algorithm', `Certificates signed with ${oid} are not supported.`);
  if (parameters && (parameters.tag !== DER.NULL || parameters.end !== parameters.content)) {
    refuse(mode.code, 'The signature algorithm carries parameters that it must not have.');
  }
  // Intel's on-die root has a NULL here where RFC 5758 section 3.2 wants nothing.
  if (parameters && known.kind === 'ecdsa') deviate(mode, 'the ECDSA algorithm carries a NULL parameter');
  return known;
}

/** One member of Extensions (RFC 5280 section 4.1). */
export function readExtension(node: DerNode, mode: DerMode): Extension {
  const [oid, second, third, ...rest] = childrenOf(expectTag(node, DER.SEQUENCE, 'An extension', mode), mode);
  if (rest.length > 0) refuse(mode.code, 'An extension holds fields that do not belong to it.');
  const critical = third !== undefined && second !== undefined && readBoolean(second, mode);
  if (third && !critical) deviate(mode, 'the default of "critical" is encoded explicitly');
  const value = contentOf(expectTag(third ?? second, DER.OCTET_STRING, 'The value of an extension', mode));
  return { oid: readOid(oid, mode), critical, value };
}
