import { equalBytes, toHex } from './bytes.ts';
import { type Certificate, isSignedBy } from './certificate.ts';
import {
  bytesOf,
  childrenOf,
  DER,
  type DerMode,
  type DerNode,
  expectTag,
  readBitString,
  readSmall,
  readUnsigned,
  readWholeDer,
} from './der.ts';
import { refuse } from './error.ts';
import { KEY_USAGE } from './extensions.ts';
import type { Issuer } from './issuer.ts';
import { DEFAULT_SKEW_MS } from './path.ts';
import {
  checkName,
  type Extension,
  readExtension,
  readSignatureAlgorithm,
  readTime,
  type SignatureAlgorithm,
} from './x509Fields.ts';

/** A certificate revocation list as read (RFC 5280 section 5); only a path says whether it counts. Byte fields are views into what was read. */
export type RevocationList = {
  tbs: Uint8Array;
  signature: Uint8Array;
  signatureAlgorithm: SignatureAlgorithm;
  /** Name as DER. */
  issuer: Uint8Array;
  thisUpdate: Date;
  nextUpdate: Date;
  /** Serial numbers of the revoked certificates: magnitudes without leading zeros, lower-case hexadecimal. */
  revoked: ReadonlySet<string>;
};

/** What to do about revocation. `required`: a path with a certificate that no current list covers is refused. */
export type RevocationPolicy = { lists: readonly RevocationList[]; required?: boolean };

const LIST_MAX = 4 << 20;
const MODE: DerMode = { code: 'certificate-malformed' };
const DISTRIBUTION_POINT = '2.5.29.28';

/**
 * Parses a certificate revocation list (RFC 5280 section 5.1; DER, at most 4 MiB). Complete lists of one issuer only: delta lists, indirect lists and lists of some
 * reasons only carry critical extensions that are refused. Whoever fetches lists keeps the result, since reading a long one takes a while.
 * @throws AttestationError `too-large`, `certificate-malformed`, `unknown-critical-extension`, `duplicate-extension`, `unsupported-algorithm`, `weak-algorithm`.
 */
export function parseRevocationList(bytes: Uint8Array): RevocationList {
  if (bytes.length > LIST_MAX)
    refuse('too-large', `A revocation list of ${bytes.length} bytes is larger than is read.`);
  const outer = childrenOf(expectTag(readWholeDer(bytes, MODE), DER.SEQUENCE, 'The revocation list', MODE), MODE);
  const [tbs, algorithm, signature] = outer;
  if (outer.length !== 3 || !tbs || !algorithm)
    return refuse(MODE.code, 'The revocation list does not have its three parts.');
  const fields = childrenOf(expectTag(tbs, DER.SEQUENCE, 'The signed part', MODE), MODE);
  // Version 1 lists carry no extensions, so nothing would say what they leave out.
  if (readSmall(fields.shift(), 'The version', MODE) !== 1)
    refuse(MODE.code, 'The revocation list is not of version 2.');
  const inner = fields.shift();
  if (!inner || !equalBytes(bytesOf(inner), bytesOf(algorithm)))
    refuse(MODE.code, 'The revocation list names two different signature algorithms.');
  const issuer = bytesOf(checkName(fields.shift(), 'The issuer', MODE));
  const [thisUpdate, nextUpdate] = [readTime(fields.shift(), MODE), readTime(fields.shift(), MODE)];
  const entries = fields[0]?.tag === DER.SEQUENCE ? fields.shift() : undefined;
  const wrapper = fields[0]?.tag === 0xa0 ? fields.shift() : undefined;
  if (fields.length > 0) refuse(MODE.code, 'The revocation list holds fields that do not belong to it.');
  checkExtensions(wrapper ? childrenOf(wrapper, MODE)[0] : undefined, isWholeScope);
  return {
    tbs: bytesOf(tbs),
    signature: readBitString(signature, 'The signature', MODE),
    signatureAlgorithm: readSignatureAlgorithm(algorithm, MODE),
    issuer,
    thisUpdate,
    nextUpdate,
    revoked: new Set(entries ? childrenOf(entries, MODE).map(readEntry) : []),
  };
}

function readEntry(node: DerNode): string {
  const [serial, date, extensions, ...rest] = childrenOf(expectTag(node, DER.SEQUENCE, 'An entry', MODE), MODE);
  if (rest.length > 0) refuse(MODE.code, 'An entry of the revocation list holds fields that do not belong to it.');
  readTime(date, MODE);
  // No critical one: with certificateIssuer an entry would be about another authority's certificate.
  checkExtensions(extensions, () => false);
  return toHex(readUnsigned(serial, 'A revoked serial number', MODE));
}

function checkExtensions(list: DerNode | undefined, understood: (extension: Extension) => boolean): void {
  if (!list) return;
  const seen = new Set<string>();
  for (const node of childrenOf(expectTag(list, DER.SEQUENCE, 'The extensions', MODE), MODE)) {
    const extension = readExtension(node, MODE);
    if (seen.has(extension.oid)) refuse('duplicate-extension', 'The revocation list holds one extension twice.');
    seen.add(extension.oid);
    if (extension.critical && !understood(extension))
      refuse('unknown-critical-extension', `The revocation list carries the critical extension ${extension.oid}.`);
  }
}

/** IssuingDistributionPoint (section 5.2.5) that only says where the list lies, not that it leaves anything out. */
function isWholeScope({ oid, value }: Extension): boolean {
  if (oid !== DISTRIBUTION_POINT) return false;
  const node = expectTag(readWholeDer(value, MODE), DER.SEQUENCE, 'The distribution point', MODE);
  return childrenOf(node, MODE).every(({ tag }) => tag === 0xa0);
}

/**
 * Holds a verified path against revocation lists: a list counts for a certificate when the certificate's own issuer in this path signed it, may sign lists (cRLSign),
 * and the list is current at `at`, with five minutes of leeway. The anchor is judged by whoever accepted it.
 * @returns how many certificates no list covers. @throws AttestationError `revoked`; `revocation-unknown` when `required`.
 */
export function checkRevocation(
  leaf: Certificate,
  path: readonly Issuer[],
  { lists, required }: RevocationPolicy,
  at: Date,
): number {
  let uncovered = 0;
  for (const [i, issuer] of path.entries()) {
    const certificate = i === 0 ? leaf : path[i - 1]?.certificate;
    if (!certificate) continue;
    const counting = lists.filter((list) => counts(list, issuer, at));
    const serial = toHex(certificate.serial);
    if (counting.some(({ revoked }) => revoked.has(serial)))
      refuse('revoked', `${issuer.rules().name} revoked a certificate of this chain (serial number ${serial}).`);
    if (counting.length === 0) uncovered += 1;
  }
  if (required && uncovered > 0)
    refuse('revocation-unknown', `No current revocation list covers ${uncovered} of the certificates of this chain.`);
  return uncovered;
}

function counts(list: RevocationList, issuer: Issuer, at: Date): boolean {
  const { usage } = issuer.rules();
  return (
    equalBytes(list.issuer, issuer.certificate.subject) &&
    (usage === undefined || (usage & KEY_USAGE.cRLSign) !== 0) &&
    list.thisUpdate.getTime() <= at.getTime() + DEFAULT_SKEW_MS &&
    list.nextUpdate.getTime() >= at.getTime() - DEFAULT_SKEW_MS &&
    list.signatureAlgorithm.hash !== 'sha1' &&
    isSignedBy(list, issuer.signer)
  );
}
