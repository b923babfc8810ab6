import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createFileStore,
  createLineLogger,
  type HardwareIdentity,
  type Ports,
  type StateStore,
  silentLogger,
  systemClock,
} from '../app/index.ts';
import type { Logger } from '../app/ports.ts';
import {
  askService,
  type CertificateFetch,
  type ClaimKey,
  connectForEnrolment,
  createClaimSigner,
  createSoftwareClaimKey,
  createTpmAttestor,
  helperAt,
  isEmulator,
  NativeError,
  openElevation,
  openMacClaimKey,
  openTpm,
  parseTcti,
  readMachineHere,
  type TpmAttestor,
  type TpmAttestorOptions,
  type TpmServiceClient,
  withElevation,
  withMakerCertificates,
} from '../native/index.ts';
import { type Context, UsageError, type Values } from './command.ts';
import { openManaged } from './managed.ts';
import { networkOf } from './network.ts';

/** Composition root of the command line: file store, this machine's hardware, no browser of its own. */
export function composePorts(values: Values, context: Context): Ports {
  const store = createFileStore(stateFolder(values));
  const log = loggerOf(values, context);
  return {
    hardware: hardwareIdentity(values, store, allowedMaker(log)),
    browser: noBrowser,
    store,
    clock: systemClock,
    log,
    ...networkOf(log),
  };
}

export function loggerOf(values: Values, context: Context): Logger {
  return values.flags.has('debug') ? createLineLogger((line) => context.err(line)) : silentLogger;
}

/** Where the state lies: --state, else the folder that the platform has for it. */
export function stateFolder(values: Values, platform: NodeJS.Platform = process.platform, env = process.env): string {
  const named = values.texts.get('state');
  if (named !== undefined) {
    if (!isAbsolute(named)) throw new UsageError('--state is an absolute path.');
    return named;
  }
  switch (platform) {
    case 'win32':
      return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Muster', 'agent');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support', 'Muster', 'agent');
    default: {
      // systemd's StateDirectory= names the service's folder.
      const base = env.STATE_DIRECTORY ?? env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
      return env.STATE_DIRECTORY ? base : join(base, 'muster');
    }
  }
}

/** The way to a TPM's maker where IT allows that it is asked for a certificate. */
export function allowedMaker(log: Logger): () => Promise<CertificateFetch | undefined> {
  const { fetch } = networkOf(log);
  return async () => {
    const managed = await openManaged(log);
    try {
      return managed.effective('MakerCertificates') ? fetch : undefined;
    } finally {
      managed.close();
    }
  };
}

export function hardwareIdentity(
  values: Values,
  store: StateStore,
  maker: () => Promise<CertificateFetch | undefined>,
  platform: NodeJS.Platform = process.platform,
): HardwareIdentity {
  const tcti = values.texts.get('tcti');
  // A command that ends by itself can end a blocked call with it; one that stays needs a child that it can kill.
  const inProcess = !values.flags.has('watch');
  const told = async (tell: (service: TpmServiceClient) => Promise<void>): Promise<void> => {
    if (tcti === undefined) await askService(tell);
  };
  return {
    readMachine: () => readMachineHere(platform),
    hold: (origin) => told((service) => service.hold(origin)),
    release: () => told((service) => service.release()),
    async hardware() {
      if (platform === 'darwin' && tcti === undefined) {
        return { kind: 'claim', signer: createClaimSigner(await openClaimKey(store)) };
      }
      return { kind: 'tpm', open: () => openAttestor(tcti, inProcess, platform, maker) };
    },
  };
}

/** The system service where one runs, which then owns the way to the TPM; this process's own way otherwise. */
async function openAttestor(
  tcti: string | undefined,
  inProcess: boolean,
  platform: NodeJS.Platform,
  maker: () => Promise<CertificateFetch | undefined>,
): Promise<TpmAttestor> {
  const service = tcti === undefined ? await connectForEnrolment() : undefined;
  const attestor =
    service ?? elevating(createTpmAttestor(await openTpm({ tcti, inProcess }), attestorOptions(tcti)), platform);
  const ask = await maker();
  return ask ? withMakerCertificates(attestor, ask) : attestor;
}

/** A software TPM did not measure this machine's start: the machine's event log is not its own. */
export function attestorOptions(tcti: string | undefined): TpmAttestorOptions {
  return tcti !== undefined && isEmulator(parseTcti(tcti)) ? { eventLog: false } : {};
}

/** On Windows, activation asks for administrator rights once where they are needed; the installed command is the helper. */
function elevating(attestor: TpmAttestor, platform: NodeJS.Platform): TpmAttestor {
  if (platform !== 'win32') return attestor;
  return withElevation(attestor, openElevation({ node: process.execPath, script: process.argv[1] ?? '' }));
}

/** The signed helper beside the command where it was built; a key in the state folder otherwise, and labelled so. */
async function openClaimKey(store: StateStore): Promise<ClaimKey> {
  const helper = fileURLToPath(new URL('./muster-claim-key', import.meta.url));
  if (existsSync(helper)) return openMacClaimKey(helperAt(helper));
  const pem = await store.read('claim-key');
  if (pem !== undefined) return createSoftwareClaimKey('file', createPrivateKey(pem));
  const made = createSoftwareClaimKey('file');
  await store.write('claim-key', String(made.privateKey.export({ type: 'pkcs8', format: 'pem' })), { secret: true });
  return made;
}

const noBrowser: Ports['browser'] = {
  async open() {
    throw new NativeError('platform-unsupported', 'The command line opens no browser.', {
      advice: 'Add --device-flow, and sign in with a browser elsewhere.',
    });
  },
};

/** macOS, Windows or Linux as the core names them. */
export function platformName(platform: NodeJS.Platform = process.platform): 'macos' | 'windows' | 'linux' {
  if (platform === 'darwin') return 'macos';
  return platform === 'win32' ? 'windows' : 'linux';
}
