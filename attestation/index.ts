/** Muster's attestation library: pure functions over bytes. No input or output, no clock: time is an argument. */
export { type Binding, type BindingKind, bindingDigest } from './binding.ts';
export { concat, createReader, createWriter, fromHex, type Reader, sameBytes, toHex, type Writer } from './bytes.ts';
export { ATTESTATION_ERROR_CODES, AttestationError, type AttestationErrorCode } from './error.ts';
export { digest, type HashName, hashOf } from './hashes.ts';
export { ekUri, normalizePermanentIdentifier } from './permanentIdentifier.ts';
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
