import { type Certificate, isSignedBy, OID } from './certificate.ts';
import { AttestationError, refuse } from './error.ts';
import { basicConstraintsOf, describeName, KEY_USAGE, keyIdentifiersOf, keyUsageOf } from './extensions.ts';
import { checkCritical, type Issuer, type IssuerIndex, nameKey } from './issuer.ts';

/** How to judge a path. */
export type PathOptions = {
  at: Date;
  /** Extended key usage that every CA certificate with such an extension must admit. */
  purpose?: string;
  /** Clock skew that dates are allowed, in milliseconds; 5 minutes when absent. */
  skewMs?: number;
  /** A leaf past its date is accepted and reported by the caller. */
  acceptExpiredLeaf?: boolean;
  /** Certificates above the leaf, the anchor included; 6 when absent. */
  maxDepth?: number;
};

/** Leeway for clocks, in milliseconds: five minutes. */
export const DEFAULT_SKEW_MS = 5 * 60_000;
const DEFAULT_DEPTH = 6;
/** Bounds the work of one search whatever a device sends. */
const MAX_SIGNATURE_CHECKS = 32;

/**
 * Finds and checks a path from `leaf` to an anchor (RFC 5280 section 6, without policy processing): names as bytes, key identifiers
 * where both exist, signatures, dates, basic constraints, path lengths, key usage, extended key usage, critical extensions, no
 * certificate twice. An anchor is what the index says is one, self-signed or not.
 * @returns the issuers from the leaf's to the anchor.
 * @throws AttestationError `no-path` when nothing signed by an anchor leads to the leaf; otherwise the rule that the
 * best path breaks: `bad-signature`, `not-a-ca`, `path-length`, `key-usage`, `extended-key-usage`, `unknown-critical-extension`, `name-constraints`,
 * `expired`, `not-yet-valid`, `weak-algorithm`, `path-too-long`, `weak-key`.
 */
export function findPath(leaf: Certificate, indexes: readonly IssuerIndex[], options: PathOptions): Issuer[] {
  if (Number.isNaN(options.at.getTime()))
    refuse('bad-argument', 'The time at which to judge the certificates is not a date.');
  checkLeaf(leaf, options);
  const search: Search = { indexes, options, checks: 0, problem: undefined };
  const path = extend(search, [], leaf);
  if (path) return path;
  throw (
    search.problem ??
    new AttestationError(
      'no-path',
      `No accepted root leads to this certificate (issuer: ${describeName(leaf.issuer)}).`,
    )
  );
}

type Search = {
  indexes: readonly IssuerIndex[];
  options: PathOptions;
  checks: number;
  problem: AttestationError | undefined;
};

function extend(search: Search, path: readonly Issuer[], below: Certificate): Issuer[] | undefined {
  const last = path.at(-1);
  if (last?.anchor) return [...path];
  const wanted = last ? last.identifiers.authority : keyIdentifiersOf(below).authority;
  const subject = nameKey(below.issuer);
  const candidates = search.indexes.flatMap(({ bySubject }) => bySubject.get(subject) ?? []);
  if (candidates.length > 1) candidates.sort((a, b) => Number(b.anchor) - Number(a.anchor));
  for (const candidate of candidates) {
    if (path.some(({ sha256 }) => sha256 === candidate.sha256)) continue;
    const own = candidate.identifiers.subject;
    const named = wanted !== undefined && own !== undefined;
    if (named && wanted !== own) continue;
    const found = attempt(search, path, below, candidate, named);
    if (found) return found;
  }
  return undefined;
}

function attempt(
  search: Search,
  path: readonly Issuer[],
  below: Certificate,
  candidate: Issuer,
  named: boolean,
): Issuer[] | undefined {
  try {
    if (path.length >= (search.options.maxDepth ?? DEFAULT_DEPTH)) {
      refuse(
        'path-too-long',
        `The certificate chain is longer than ${search.options.maxDepth ?? DEFAULT_DEPTH} certificates.`,
      );
    }
    search.checks += 1;
    if (search.checks > MAX_SIGNATURE_CHECKS)
      refuse('path-too-long', 'The certificates allow too many paths to try them all.');
    const signed = path.at(-1)?.signedBy(candidate) ?? isSignedBy(below, candidate.signer);
    if (!signed) {
      // Two authorities may share a name; only a key identifier says that this one was meant.
      if (named && candidate.anchor)
        refuse('bad-signature', `The signature of ${candidate.rules().name} is forged or damaged.`);
      return undefined;
    }
    checkIssuer(candidate, path, search.options);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    search.problem ??= error;
    return undefined;
  }
  return extend(search, [...path, candidate], candidate.certificate);
}

function checkLeaf(leaf: Certificate, options: PathOptions): void {
  if (leaf.version !== 3)
    refuse('certificate-malformed', `A certificate of X.509 version ${leaf.version} is not accepted here.`);
  if (basicConstraintsOf(leaf)?.ca)
    refuse('ca-as-leaf', 'A certificate authority stands where a device certificate must.');
  if (((keyUsageOf(leaf) ?? 0) & KEY_USAGE.keyCertSign) !== 0)
    refuse('ca-as-leaf', 'The device certificate may sign certificates.');
  checkCritical(leaf);
  checkDates(leaf, options, Boolean(options.acceptExpiredLeaf));
}

/** `below` holds the CA certificates between this issuer and the leaf. */
function checkIssuer(issuer: Issuer, below: readonly Issuer[], options: PathOptions): void {
  const { name, ca, pathLength, usage, purposes, problem } = issuer.rules();
  if (!ca) refuse('not-a-ca', `${name} issued a certificate but is no certificate authority.`);
  if (usage !== undefined && (usage & KEY_USAGE.keyCertSign) === 0)
    refuse('key-usage', `The key of ${name} may not sign certificates.`);
  // Self-issued certificates do not count (RFC 5280 section 6.1.4 (l)).
  const counted = pathLength === undefined ? 0 : below.filter((between) => !between.rules().selfIssued).length;
  if (pathLength !== undefined && counted > pathLength)
    refuse('path-length', `${name} may have ${pathLength} authorities below it, here are ${counted}.`);
  if (purposes && options.purpose && !purposes.includes(options.purpose) && !purposes.includes(OID.ANY_EKU))
    refuse('extended-key-usage', `${name} may not issue certificates for this purpose.`);
  if (problem) throw problem;
  checkDates(issuer.certificate, options, false);
}

function checkDates(
  certificate: Certificate,
  { at, skewMs = DEFAULT_SKEW_MS }: PathOptions,
  acceptExpired: boolean,
): void {
  const name = () => describeName(certificate.subject);
  if (at.getTime() + skewMs < certificate.notBefore.getTime()) {
    refuse(
      'not-yet-valid',
      `The certificate of ${name()} is valid only from ${certificate.notBefore.toISOString()}; check the clocks.`,
    );
  }
  if (certificate.notAfter < certificate.notBefore)
    refuse('expired', `The certificate of ${name()} ends before it begins.`);
  if (!acceptExpired && at.getTime() - skewMs > certificate.notAfter.getTime()) {
    refuse('expired', `The certificate of ${name()} expired on ${certificate.notAfter.toISOString()}.`);
  }
}
