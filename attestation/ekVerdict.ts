import { equalBytes } from './bytes.ts';
import { type Certificate, extensionOf, OID } from './certificate.ts';
import { type EkCertificate, parseEkCertificate } from './ekCertificate.ts';
import { AttestationError, refuse } from './error.ts';
import { extendedKeyUsageOf, KEY_USAGE, keyUsageOf } from './extensions.ts';
import { type Issuer, indexIssuers, nameKey, untrustedIssuers } from './issuer.ts';
import { checkKeyStrength } from './keys.ts';
import { findPath } from './path.ts';
import { urnOfSpki } from './permanentIdentifier.ts';
import { checkRevocation, type RevocationPolicy } from './revocation.ts';
import {
  classOfVendor,
  createTrustStore,
  type EkClass,
  keyOfAuthority,
  shortVendor,
  type TrustStore,
  type VendorRoot,
} from './roots.ts';
import { canonicalSpki } from './spki.ts';
import { CODES_OF_VENDOR, FIDO_CONFORMANCE_CODE } from './tpmVendors.ts';

/** What {@link verifyEkCertificate} found: a class with its reasons, and the path that shows it. */
export type EkVerdict = {
  class: EkClass;
  /** Why this class, one sentence each, for people. */
  reasons: readonly string[];
  /** The root that the chain ends at; absent when there is none. */
  anchor?: { vendor: string; sha256: string; subject: string; source: VendorRoot['source'] };
  /** DER, leaf first, anchor last; only the leaf without an anchor; empty without a certificate. */
  path: readonly Uint8Array[];
  /** Absent only for class `absent`. */
  certificate?: EkCertificate;
  /** The permanent identifier of this key. */
  urn: string;
};

/** By what to judge an EK certificate. */
export type EkOptions = {
  /** Accepted vendor roots; a {@link TrustStore} where many certificates are judged. */
  roots: readonly VendorRoot[] | TrustStore;
  /** Untrusted DER certificates that may complete the chain, such as those from the device's NV. At most 16. */
  intermediates?: readonly Uint8Array[];
  at: Date;
  /** A certificate past its date is refused unless this says otherwise: TPM keys outlive some of their certificates. */
  expiredLeaf?: 'refuse' | 'accept';
  /** Revocation lists that the caller fetched and parsed; this library fetches nothing. Without them revocation is not looked at. */
  revocation?: RevocationPolicy;
};

/**
 * Judges an EK certificate: chain to a vendor root (own path validation, {@link findPath}), purpose 2.23.133.8.1 where purposes are named,
 * key usage, TPM attributes of the subject alternative name, key strength and ROCA, and which class of TPM stands behind it.
 * A certificate without an accepted root is no error but `unknown-root`.
 * @throws AttestationError for what is refused whatever the root: `roca-weak-key`, `weak-key`, `ca-as-leaf`, `extended-key-usage`, `key-usage`,
 * `subject-alternative-name`, `expired`, `not-yet-valid`, `unknown-critical-extension`, `bad-signature`, `not-a-ca`, `path-length`, `path-too-long`,
 * `name-constraints`, `weak-algorithm`, `revoked`, `revocation-unknown`; parse errors.
 */
export function verifyEkCertificate(ek: EkCertificate | Uint8Array, options: EkOptions): EkVerdict {
  const parsed = ek instanceof Uint8Array ? parseEkCertificate(ek) : ek;
  const { certificate } = parsed;
  checkKeyStrength(certificate.key, 'The endorsement key');
  checkPurpose(certificate);
  const store = 'index' in options.roots ? options.roots : createTrustStore({ roots: options.roots });
  const extra = readExtra(options.intermediates ?? [], parsed, store);
  const notes = parsed.irregular.map((what) => `Tolerated: ${what}.`);
  const base = { certificate: parsed, urn: urnOfSpki(parsed.spki) };
  const expired = options.at.getTime() > certificate.notAfter.getTime();
  let path: Issuer[];
  try {
    path = findPath(certificate, [store.index, indexIssuers(extra)], {
      at: options.at,
      purpose: OID.EK_CERTIFICATE,
      acceptExpiredLeaf: options.expiredLeaf === 'accept',
    });
  } catch (error) {
    if (!(error instanceof AttestationError) || error.code !== 'no-path') throw error;
    const verdict = isSwtpm(certificate, []) ? 'software' : 'unknown-root';
    return { ...base, class: verdict, reasons: [error.message, ...notes], path: [parsed.raw] };
  }
  const anchor = path.at(-1);
  const root = anchor && store.roots.get(anchor.sha256);
  if (!anchor || !root) return refuse('no-path', 'The chain does not end at an accepted root.');
  const certificates = [certificate, ...path.map((issuer) => issuer.certificate)];
  if (options.revocation) {
    const uncovered = checkRevocation(certificate, path, options.revocation, options.at);
    if (uncovered > 0) notes.push(`No current revocation list covers ${uncovered} of the certificates of the chain.`);
  }
  const subject = anchor.rules().name;
  const { verdict, reason } = classify(root, isSwtpm(certificate, path));
  checkTpmAttributes(parsed, root, verdict);
  if (expired)
    notes.push(`The certificate expired on ${certificate.notAfter.toISOString()}, which is accepted by configuration.`);
  return {
    ...base,
    class: verdict,
    reasons: [`The certificate chains to ${subject} (${root.vendor}, ${root.source}).`, reason, ...notes],
    anchor: { vendor: root.vendor, sha256: anchor.sha256, subject, source: root.source },
    path: certificates.map(({ raw }) => raw),
  };
}

/**
 * The same for a key and all certificates that a device sent, in any order: the certificate is chosen by its key, never by its place.
 * @param ek SubjectPublicKeyInfo DER of the endorsement key that will be challenged.
 * @returns class `absent` when no certificate came at all.
 * @throws AttestationError `key-mismatch` when certificates came and none is of this key; those of {@link verifyEkCertificate}.
 */
export function verifyEndorsementKey(
  ek: Uint8Array,
  certificates: readonly Uint8Array[],
  options: EkOptions,
): EkVerdict {
  const spki = canonicalSpki(ek);
  if (certificates.length === 0) {
    return {
      class: 'absent',
      reasons: ['The device sent no certificate for its endorsement key.'],
      path: [],
      urn: urnOfSpki(spki),
    };
  }
  if (certificates.length > 16) refuse('too-large', 'More than 16 EK certificates are more than a TPM holds.');
  let problem: AttestationError | undefined;
  for (const bytes of certificates) {
    try {
      const parsed = parseEkCertificate(bytes);
      if (!equalBytes(parsed.spki, spki)) continue;
      return verifyEkCertificate(parsed, options);
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      problem ??= error;
    }
  }
  if (problem) throw problem;
  return refuse(
    'key-mismatch',
    'None of the EK certificates belongs to the endorsement key: they are of another TPM or another key.',
  );
}

function readExtra(intermediates: readonly Uint8Array[], leaf: EkCertificate, known: TrustStore): Issuer[] {
  if (intermediates.length > 16)
    refuse('path-too-long', 'More than 16 intermediate certificates came with the EK certificate.');
  // Callers hand over all that a device sent, the EK certificate among it.
  const extra = untrustedIssuers(
    intermediates.filter((der) => !equalBytes(der, leaf.raw)),
    known.index,
  );
  return known.distrusted.size === 0
    ? extra
    : extra.filter(({ certificate }) => !known.distrusted.has(keyOfAuthority(certificate)));
}

/** EK Credential Profile section 3.2: purpose, key usage, and a critical name where the subject is empty. */
function checkPurpose(certificate: Certificate): void {
  const purposes = extendedKeyUsageOf(certificate);
  if (purposes && !purposes.includes(OID.EK_CERTIFICATE)) {
    refuse('extended-key-usage', 'This certificate was not issued for an endorsement key.');
  }
  const usage = keyUsageOf(certificate);
  const wanted =
    certificate.key.type === 'rsa' ? KEY_USAGE.keyEncipherment : KEY_USAGE.keyAgreement | KEY_USAGE.keyEncipherment;
  if (usage !== undefined && (usage & wanted) === 0)
    refuse('key-usage', 'The certified key may not be used to protect secrets, as an endorsement key must.');
  if (certificate.key.type === 'rsa' && certificate.key.only === 'rsa-pss')
    refuse('key-usage', 'The certified key is for PSS signatures only, but an endorsement key decrypts.');
}

function checkTpmAttributes(ek: EkCertificate, root: VendorRoot, verdict: EkClass): void {
  const { manufacturer, model, version } = ek;
  const wanted = 'The subject alternative name of the EK certificate';
  if (manufacturer?.code === FIDO_CONFORMANCE_CODE)
    refuse('subject-alternative-name', `${wanted} is that of a test tool, not of a TPM.`);
  // Cloud providers put the instance's name there instead.
  if (verdict === 'virtual') return;
  if (!extensionOf(ek.certificate, OID.SUBJECT_ALT_NAME) || !manufacturer || !model || !version) {
    refuse('subject-alternative-name', `${wanted} does not name manufacturer, model and version of a TPM.`);
  }
  const codes = root.source === 'shipped' ? CODES_OF_VENDOR[shortVendor(root.vendor)] : undefined;
  if (codes && !codes.includes(manufacturer.code)) {
    refuse('subject-alternative-name', `${wanted} names ${manufacturer.name}, which ${root.vendor} does not certify.`);
  }
}

function classify(root: VendorRoot, swtpm: boolean): { verdict: EkClass; reason: string } {
  const verdict = root.class ?? classOfVendor(root.vendor);
  if (verdict === 'software' || swtpm) {
    return {
      verdict: 'software',
      reason: 'It is the certificate of a software TPM, which its own host can read and copy.',
    };
  }
  switch (verdict) {
    case 'hardware':
      return { verdict, reason: `${root.vendor} certifies TPM chips of their own (hardware).` };
    case 'firmware':
      return { verdict, reason: `${root.vendor} certifies TPMs inside its processors (firmware).` };
    case 'virtual':
      return { verdict, reason: `${root.vendor} certifies TPMs of virtual machines.` };
    case undefined:
      return { verdict: 'unknown-root', reason: `Nobody said what kind of TPM ${root.vendor} certifies.` };
    default:
      return verdict satisfies never;
  }
}

const SWTPM = 'swtpm-localca';

/** Whoever set up a software TPM with its own tools, the issuer's name says so; it can only lower the class. */
function isSwtpm(leaf: Certificate, path: readonly Issuer[]): boolean {
  return nameKey(leaf.issuer).includes(SWTPM) || path.some((issuer) => issuer.rules().name.includes(SWTPM));
}
