/** This machine's hardware identity: TPM, Apple, Windows, Linux. Platform differences end here. */
export {
  type ClaimKey,
  type ClaimProtection,
  type ClaimSigner,
  createClaimSigner,
  createSoftwareClaimKey,
} from './claimSigner.ts';
export { isNativeError, NativeError, type NativeErrorCode } from './errors.ts';
export { readMachine } from './machine/readMachine.ts';
export type { Fact, MachineReport } from './machine/report.ts';
export { helperAt, openMacClaimKey } from './macos/claimKey.ts';
export {
  askService,
  connectForEnrolment,
  connectTpmService,
  servicePath,
  type TpmServiceClient,
} from './service/client.ts';
export { readMachineHere } from './service/machine.ts';
export { collectSerials, eventLogCredential } from './service/serials.ts';
export { type ServiceOptions, startTpmService, type TpmService } from './service/server.ts';
export {
  type AttestationKey,
  type BindingInput,
  createTpmAttestor,
  type DeviceKey,
  type EndorsementKey,
  type Quote,
  type TpmAttestor,
  type TpmAttestorOptions,
  type TpmEndorsement,
} from './tpm/attestor.ts';
export { type EkAlgorithm, type EkSearch, type FoundEk, findEndorsement } from './tpm/endorsement.ts';
export { findTpm, type TpmFinding } from './tpm/findTpm.ts';
export { describeManufacturer, readTpmInfo, type TpmInfo } from './tpm/info.ts';
export type { AkAlgorithm, WrappedKey } from './tpm/keys.ts';
export { type CertificateFetch, withMakerCertificates } from './tpm/makerCertificate.ts';
export { type OpenTpmOptions, openTpm } from './tpm/open.ts';
export type { PipeProcess, PipeReply, PipeRequest, SpawnPipe } from './tpm/pipeProtocol.ts';
export { formatTcti, isEmulator, parseTcti, type Tcti } from './tpm/tcti.ts';
export type { Tpm } from './tpm/tpm.ts';
export { type ElevationOptions, withElevation } from './windows/elevatedAttestor.ts';
export { openElevation } from './windows/openElevation.ts';
