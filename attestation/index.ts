/** Muster's attestation library: pure functions over bytes. No input or output, no clock: time is an argument. */
export * from './attest.ts';
export {
  type AttestationKey,
  readAttestationKey,
  type VerifiedAttestationKey,
  verifyAttestationKey,
} from './attestationKey.ts';
export { type Binding, type BindingKind, bindingDigest } from './binding.ts';
export { concat, createReader, createWriter, fromHex, type Reader, sameBytes, toHex, type Writer } from './bytes.ts';
export { ATTESTATION_ERROR_CODES, AttestationError, type AttestationErrorCode } from './error.ts';
export { digest, type HashName, hashOf } from './hashes.ts';
export { type Credential, makeCredential, type RandomPurpose, type RandomSource } from './makeCredential.ts';
export { ekUri, normalizePermanentIdentifier } from './permanentIdentifier.ts';
export { readCertifiedKey, verifyCertify, verifyQuote } from './proofs.ts';
export {
  curveSize,
  type EccPublic,
  encodePublic,
  hasAttributes,
  objectName,
  type PublicArea,
  parsePublic,
  type RsaPublic,
  readPublic,
  type Scheme,
  type Symmetric,
} from './publicArea.ts';
export { canonicalSpki, spkiOf } from './spki.ts';
export * from './templates.ts';
export * from './tpmConstants.ts';
