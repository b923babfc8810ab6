import { equalBytes, toHex } from './bytes.ts';
import { type Certificate, isSignedBy, OID, parseCertificate, type Signer } from './certificate.ts';
import { AttestationError, refuse } from './error.ts';
import { basicConstraintsOf, describeName, extendedKeyUsageOf, keyIdentifiersOf, keyUsageOf } from './extensions.ts';
import { digest } from './hashes.ts';
import { checkKeyStrength, lazyKey } from './keys.ts';

/** A certificate as a possible issuer, with what the search needs prepared once. */
export type Issuer = {
  certificate: Certificate;
  /** SHA-256 of the DER, hexadecimal: what an anchor is recognised by. */
  sha256: string;
  anchor: boolean;
  identifiers: { subject?: string; authority?: string };
  /** The key of this issuer, for the certificates below it. */
  signer: Signer;
  /** Whether another issuer signed this certificate; remembered, since a trust store's own certificates stay. */
  signedBy: (above: Issuer) => boolean;
  /** What the certificate says about issuing, read once. */
  rules: () => IssuerRules;
};

type IssuerRules = {
  /** Subject for people. */
  name: string;
  ca: boolean;
  pathLength: number | undefined;
  usage: number | undefined;
  purposes: readonly string[] | undefined;
  selfIssued: boolean;
  /** Why it may not issue at all, whatever the path: a critical extension that is unknown, a weak key. */
  problem: AttestationError | undefined;
};

/** Certificates by the bytes of their subject; anchors first. Build it once for a set that stays, since it keeps parsed keys and checked signatures. */
export type IssuerIndex = {
  readonly bySubject: ReadonlyMap<string, readonly Issuer[]>;
  readonly bySha256: ReadonlyMap<string, Issuer>;
};

/** Accepted roots, and authorities below them that are already known, parsed once: see {@link prepareRoots}. */
export type PreparedRoots = { readonly index: IssuerIndex };

const KNOWN_CRITICAL: ReadonlySet<string> = new Set([
  OID.BASIC_CONSTRAINTS,
  OID.KEY_USAGE,
  OID.SUBJECT_ALT_NAME,
  OID.EXT_KEY_USAGE,
  OID.CERTIFICATE_POLICIES,
]);

/** A certificate as a possible issuer; `anchor` when somebody decided to trust it. */
export function issuerOf(certificate: Certificate, anchor: boolean): Issuer {
  const signers = new WeakMap<Issuer, boolean>();
  let rules: IssuerRules | undefined;
  return {
    certificate,
    sha256: toHex(digest('sha256', certificate.raw)),
    anchor,
    identifiers: keyIdentifiersOf(certificate),
    signer: { numbers: certificate.key, key: lazyKey(certificate.key) },
    signedBy: (above) => {
      const signed = signers.get(above) ?? isSignedBy(certificate, above.signer);
      signers.set(above, signed);
      return signed;
    },
    rules: () => {
      rules ??= rulesOf(certificate);
      return rules;
    },
  };
}

function rulesOf(certificate: Certificate): IssuerRules {
  const constraints = basicConstraintsOf(certificate);
  let problem: AttestationError | undefined;
  try {
    checkCritical(certificate);
    checkKeyStrength(certificate.key, 'The key of a certificate authority');
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    problem = error;
  }
  return {
    name: certificate.subject.length > 2 ? describeName(certificate.subject) : 'An authority without a name',
    // RFC 5280 section 4.1.2.6: an authority has a name.
    ca: certificate.version === 3 && constraints?.ca === true && certificate.subject.length > 2,
    pathLength: constraints?.pathLength,
    usage: keyUsageOf(certificate),
    purposes: extendedKeyUsageOf(certificate),
    selfIssued: equalBytes(certificate.subject, certificate.issuer),
    problem,
  };
}

/** Issuers by subject and by SHA-256, each certificate once; an anchor wins over the same certificate untrusted. */
export function indexIssuers(issuers: readonly Issuer[]): IssuerIndex {
  const bySubject = new Map<string, Issuer[]>();
  const bySha256 = new Map<string, Issuer>();
  for (const issuer of [...issuers].sort((a, b) => Number(b.anchor) - Number(a.anchor))) {
    if (bySha256.has(issuer.sha256)) continue;
    bySha256.set(issuer.sha256, issuer);
    const subject = nameKey(issuer.certificate.subject);
    const same = bySubject.get(subject);
    if (same) same.push(issuer);
    else bySubject.set(subject, [issuer]);
  }
  return { bySubject, bySha256 };
}

/** The bytes of a Name as a key of a map. */
export const nameKey = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');

/** DER certificates as untrusted issuers, without those that a prepared set already holds. */
export function untrustedIssuers(certificates: readonly Uint8Array[], prepared: IssuerIndex): Issuer[] {
  return certificates
    .filter((der) => !prepared.bySha256.has(toHex(digest('sha256', der))))
    .map((der) => issuerOf(parseCertificate(der, { lenient: true }), false));
}

/**
 * Parses accepted roots once for many verifications of attestation key certificates, and keeps their keys. `intermediates` are untrusted: they
 * only help to build paths, and their signatures are remembered. Make a new one when the set changes.
 * @param roots DER (RFC 5280); recognised by their bytes, so they need not be self-signed. @throws AttestationError parse errors of certificates.
 */
export function prepareRoots(roots: readonly Uint8Array[], intermediates: readonly Uint8Array[] = []): PreparedRoots {
  const parse = (der: Uint8Array, anchor: boolean) => issuerOf(parseCertificate(der, { lenient: true }), anchor);
  return {
    index: indexIssuers([...roots.map((der) => parse(der, true)), ...intermediates.map((der) => parse(der, false))]),
  };
}

/**
 * Refuses extensions that change what a certificate means in a way that is not known here. Name constraints are refused wherever they stand: no authority of a
 * TPM vendor uses them, and an evaluator that nobody needs is one more that can be wrong. Critical policy constraints likewise: policies are not processed.
 */
export function checkCritical(certificate: Certificate): void {
  for (const { oid, critical } of certificate.extensions) {
    if (oid === OID.NAME_CONSTRAINTS)
      refuse('name-constraints', 'A certificate carries name constraints, which this validator does not evaluate.');
    if (critical && !KNOWN_CRITICAL.has(oid)) {
      refuse(
        'unknown-critical-extension',
        `A certificate carries the critical extension ${oid}, whose meaning is unknown here.`,
      );
    }
  }
}
