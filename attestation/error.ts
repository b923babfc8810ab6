/** Every reason for which this library refuses something. Closed: a new reason is a new code with a test of its own. */
export const ATTESTATION_ERROR_CODES = [
  // Bytes that are not what they should be.
  'truncated',
  'trailing-bytes',
  'too-large',
  'malformed',
  'cbor-malformed',
  'certificate-malformed',
  'identifier-malformed',
  'bad-argument',
  // Algorithms and keys.
  'unsupported-algorithm',
  'weak-algorithm',
  'weak-key',
  'roca-weak-key',
  'wrong-scheme',
  'wrong-attributes',
  // TPM proofs.
  'wrong-magic',
  'wrong-type',
  'wrong-extra-data',
  'wrong-name',
  'wrong-creation-hash',
  'bad-signature',
  'wrong-pcr-selection',
  'wrong-pcr-digest',
  'event-log-mismatch',
  // Certificates and their paths.
  'key-mismatch',
  'fingerprint-mismatch',
  'no-path',
  'path-too-long',
  'not-a-ca',
  'ca-as-leaf',
  'path-length',
  'key-usage',
  'extended-key-usage',
  'unknown-critical-extension',
  'duplicate-extension',
  'name-constraints',
  'subject-alternative-name',
  'expired',
  'not-yet-valid',
  'revoked',
  'revocation-unknown',
  // Statements (WebAuthn `tpm`, Apple `apple`).
  'wrong-format',
  'wrong-chain',
  'freshness-missing',
  'freshness-mismatch',
  'identifier-missing',
  'identifier-mismatch',
  'posture-unknown',
] as const;

/** One of {@link ATTESTATION_ERROR_CODES}. */
export type AttestationErrorCode = (typeof ATTESTATION_ERROR_CODES)[number];

/** A refusal. `code` is for programs, `message` is one readable sentence for people and logs. */
export class AttestationError extends Error {
  readonly code: AttestationErrorCode;

  constructor(code: AttestationErrorCode, message: string) {
    super(message);
    this.name = 'AttestationError';
    this.code = code;
  }
}

/** Throws an {@link AttestationError}; an expression, so that it fits `?? refuse(…)`. */
export function refuse(code: AttestationErrorCode, message: string): never {
  throw new AttestationError(code, message);
}
