import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, type Hardware, type HardwareIdentity } from '../app/index.ts';
import {
  askService,
  type CertificateFetch,
  type ClaimKey,
  connectForEnrolment,
  createClaimSigner,
  createTpmAttestor,
  helperAt,
  isEmulator,
  type OpenTpmOptions,
  openElevation,
  openMacClaimKey,
  openTpm,
  parseTcti,
  readMachineHere,
  type TpmAttestor,
  type TpmServiceClient,
  withElevation,
  withMakerCertificates,
} from '../native/index.ts';
import { type ClaimKeyStore, fileClaimKey } from './claimKey.ts';

export type HardwareOptions = {
  /** Instead of this machine's own TPM: a TCTI string, for the demo's software TPM. */
  tcti?: string | undefined;
  /** Electron starts the TPM's process in its own way. */
  spawn?: OpenTpmOptions['spawn'];
  inProcess?: boolean | undefined;
  /** Where a claim key is kept on a machine that has no TPM interface at all (a Mac without an enclave key). */
  claimKeys: ClaimKeyStore;
  /** The network by which a TPM's maker may be asked for a certificate; undefined where IT has not allowed it. */
  makerCertificates?: () => CertificateFetch | undefined;
};

/** native/ behind the core's port. Errors of native/ pass through as they are; the core knows their codes. */
export function createHardwareIdentity(options: HardwareOptions, platform = process.platform): HardwareIdentity {
  const told = async (tell: (service: TpmServiceClient) => Promise<void>): Promise<void> => {
    if (options.tcti === undefined) await askService(tell);
  };
  return {
    readMachine: () => readMachineHere(platform),
    hold: (origin) => told((service) => service.hold(origin)),
    release: () => told((service) => service.release()),
    async hardware(): Promise<Hardware> {
      if (platform === 'darwin' && options.tcti === undefined) {
        return { kind: 'claim', signer: createClaimSigner(await claimKey(options.claimKeys)) };
      }
      if (platform !== 'linux' && platform !== 'win32' && options.tcti === undefined) {
        throw new AppError('tpm-missing', `Muster does not know the hardware of ${platform} machines.`);
      }
      const { tcti, spawn, inProcess } = options;
      // A software TPM did not measure this machine's start: the machine's event log is not its own.
      const log = tcti !== undefined && isEmulator(parseTcti(tcti)) ? { eventLog: false as const } : {};
      const own = async () => elevating(createTpmAttestor(await openTpm({ tcti, spawn, inProcess }), log), platform);
      // Where the system service runs it alone owns the way to the TPM, and knows whether another account enrolled this machine.
      const service = async () => (tcti === undefined ? connectForEnrolment() : undefined);
      const open = async () => {
        const attestor = (await service()) ?? (await own());
        const ask = options.makerCertificates?.();
        return ask ? withMakerCertificates(attestor, ask) : attestor;
      };
      return { kind: 'tpm', open };
    },
  };
}

/** The key that the helper of the command line holds, in the Secure Enclave or the keychain; a stored one where it was not built. */
function claimKey(store: ClaimKeyStore): Promise<ClaimKey> {
  const resources = (process as { resourcesPath?: string }).resourcesPath;
  const helper = resources === undefined ? undefined : join(resources, 'agent', 'lib', 'muster-claim-key');
  return helper !== undefined && existsSync(helper) ? openMacClaimKey(helperAt(helper)) : fileClaimKey(store);
}

/** On Windows, activation needs administrator rights once: the command line that is installed beside the app has them asked. */
function elevating(attestor: TpmAttestor, platform: NodeJS.Platform): TpmAttestor {
  const resources = (process as { resourcesPath?: string }).resourcesPath;
  if (platform !== 'win32' || resources === undefined) return attestor;
  const agent = join(resources, 'agent', 'lib');
  return withElevation(attestor, openElevation({ node: join(agent, 'node.exe'), script: join(agent, 'muster.mjs') }));
}
