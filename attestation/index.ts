/** Muster's attestation library: pure functions over bytes. No input or output, no clock: time is an argument. */
export { type VerifiedAkCertificate, verifyAkCertificate } from './akCertificate.ts';
export { appleEnterpriseAttestationRoot } from './appleRoot.ts';
export {
  type AppleExpectation,
  type AppleFreshness,
  type VerifiedAppleStatement,
  verifyAppleStatement,
} from './appleStatement.ts';
export * from './attest.ts';
export {
  type AttestationKey,
  readAttestationKey,
  type VerifiedAttestationKey,
  verifyAttestationKey,
} from './attestationKey.ts';
export { type Binding, type BindingKind, bindingDigest } from './binding.ts';
export { concat, createReader, createWriter, fromHex, type Reader, sameBytes, toHex, type Writer } from './bytes.ts';
export { type CborMap, type CborValue, decodeCbor, encodeCbor } from './cbor.ts';
export { type Certificate, type Extension, parseCertificate, splitCertificates } from './certificate.ts';
export { type EkCertificate, parseEkCertificate } from './ekCertificate.ts';
export { type EkOptions, type EkVerdict, verifyEkCertificate, verifyEndorsementKey } from './ekVerdict.ts';
export { ATTESTATION_ERROR_CODES, AttestationError, type AttestationErrorCode } from './error.ts';
export {
  type EventLog,
  encodeEventLog,
  type LogEvent,
  parseEventLog,
  replayEventLog,
  type SecureBoot,
  verifyEventLog,
} from './eventLog.ts';
export { type AlternativeNames, alternativeNamesOf, basicConstraintsOf, describeName } from './extensions.ts';
export { digest, type HashName, hashOf } from './hashes.ts';
export {
  type Authority,
  createAttestationCa,
  createIssuingAuthority,
  issueAkCertificate,
  type TpmAttributes,
} from './issueAkCertificate.ts';
export { type PreparedRoots, prepareRoots } from './issuer.ts';
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
export { parseRevocationList, type RevocationList, type RevocationPolicy } from './revocation.ts';
export {
  acceptVendorCertificate,
  classOfVendor,
  createTrustStore,
  describeRoot,
  EK_CLASSES,
  type EkClass,
  type ManifestEntry,
  type TrustStore,
  type VendorRoot,
  vendorRootsManifest,
} from './roots.ts';
export { canonicalSpki, spkiOf } from './spki.ts';
export * from './templates.ts';
export * from './tpmConstants.ts';
export { type TpmStatementOptions, type VerifiedTpmStatement, verifyTpmStatement } from './tpmStatement.ts';
