import { equalBytes } from './bytes.ts';
import { type Certificate, extensionOf, OID, parseCertificate } from './certificate.ts';
import { refuse } from './error.ts';
import { alternativeNamesOf, extendedKeyUsageOf, forPeople, KEY_USAGE, keyUsageOf } from './extensions.ts';
import { type Issuer, indexIssuers, type PreparedRoots, prepareRoots, untrustedIssuers } from './issuer.ts';
import { checkKeyStrength } from './keys.ts';
import { findPath } from './path.ts';
import { encodeSpki } from './spki.ts';

/** A verified certificate of an attestation key. */
export type VerifiedAkCertificate = {
  certificate: Certificate;
  /** Canonical SubjectPublicKeyInfo DER of the attestation key. */
  spki: Uint8Array;
  /** The PermanentIdentifier (RFC 4043) in its subject alternative name; foreign authorities may leave it out. */
  permanentIdentifier?: string;
  tpm: { manufacturer: string; model: string; version: string };
  /** DER, leaf first, root last. */
  path: readonly Uint8Array[];
};

/**
 * Judges the certificate of an attestation key by the rules of WebAuthn section 8.3.1 and step-ca: version 3, empty subject, no
 * authority, first purpose 2.23.133.8.3, TPM manufacturer, model and version in the subject alternative name, and a path to a root.
 * @param parameters.chain DER, leaf first; the rest are untrusted intermediates. @param parameters.roots DER of the accepted roots, matched by their bytes, or what
 * {@link prepareRoots} made of them.
 * @param parameters.permanentIdentifier when given, the certificate must carry exactly this one, both as PermanentIdentifier and as URI:
 * what Muster issues does. @param parameters.akSpki when given, the certificate must be for this key (canonical SubjectPublicKeyInfo).
 * @throws AttestationError `wrong-chain`, `subject-alternative-name`, `extended-key-usage`, `key-usage`, `identifier-mismatch`, `key-mismatch`, those of `findPath`.
 */
export function verifyAkCertificate(parameters: {
  chain: readonly Uint8Array[];
  roots: readonly Uint8Array[] | PreparedRoots;
  at: Date;
  permanentIdentifier?: string;
  akSpki?: Uint8Array;
}): VerifiedAkCertificate {
  const [leafDer, ...rest] = parameters.chain;
  if (!leafDer) return refuse('wrong-chain', 'There is no attestation key certificate.');
  if (rest.length > 8) refuse('path-too-long', 'More than 8 certificates came with the attestation key certificate.');
  const certificate = parseCertificate(leafDer, { lenient: true });
  const { tpm, permanentIdentifier, uris } = checkAkProfile(certificate);
  checkKeyStrength(certificate.key, 'The attestation key');
  const { index } = 'index' in parameters.roots ? parameters.roots : prepareRoots(parameters.roots);
  const path = findPath(certificate, [index, indexIssuers(untrustedIssuers(rest, index))], {
    at: parameters.at,
    purpose: OID.AK_CERTIFICATE,
  });
  checkOrder(rest, path);
  const usage = keyUsageOf(certificate);
  const signs = usage === undefined || (usage & KEY_USAGE.digitalSignature) !== 0;
  if (!signs || (certificate.key.type === 'rsa' && certificate.key.only === 'rsa-oaep'))
    refuse('key-usage', 'The certified key may not sign, as an attestation key must.');
  const expected = parameters.permanentIdentifier;
  if (expected !== undefined && (permanentIdentifier !== expected || !uris.includes(expected))) {
    refuse(
      'identifier-mismatch',
      `The attestation key certificate is for ${forPeople(permanentIdentifier ?? 'no device')}, not for ${expected}.`,
    );
  }
  const spki = encodeSpki(certificate.key);
  if (parameters.akSpki && !equalBytes(spki, parameters.akSpki)) {
    refuse('key-mismatch', 'The attestation key certificate is for another key.');
  }
  const verified = { certificate, spki, tpm, path: [leafDer, ...path.map((issuer) => issuer.certificate.raw)] };
  return permanentIdentifier === undefined ? verified : { ...verified, permanentIdentifier };
}

/** Certificates come in order, each issued by the next (RFC 8152 bis x5chain, WebAuthn section 6.5.4): another order hides which one counts. */
function checkOrder(sent: readonly Uint8Array[], path: readonly Issuer[]): void {
  for (const [i, der] of sent.entries()) {
    const issuer = path[i];
    if (!issuer || !equalBytes(issuer.certificate.raw, der)) {
      refuse('wrong-chain', 'The certificates are not in order, or some do not belong to the chain.');
    }
  }
}

function checkAkProfile(certificate: Certificate) {
  if (!equalBytes(certificate.subject, new Uint8Array([0x30, 0]))) {
    refuse(
      'subject-alternative-name',
      'The attestation key certificate has a subject; its profile wants an empty one.',
    );
  }
  if (extendedKeyUsageOf(certificate)?.[0] !== OID.AK_CERTIFICATE) {
    refuse('extended-key-usage', 'This certificate was not issued for an attestation key.');
  }
  const names = extensionOf(certificate, OID.SUBJECT_ALT_NAME) ? alternativeNamesOf(certificate) : undefined;
  const { manufacturer, model, version } = names?.tpm ?? {};
  if (!names || !manufacturer || !model || !version) {
    return refuse(
      'subject-alternative-name',
      'The attestation key certificate does not name manufacturer, model and version of a TPM.',
    );
  }
  const [permanentIdentifier, ...others] = names.permanentIdentifiers;
  if (others.length > 0)
    refuse('subject-alternative-name', 'The attestation key certificate names more than one device.');
  return { tpm: { manufacturer, model, version }, permanentIdentifier, uris: names.uris };
}
