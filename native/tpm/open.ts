import { NativeError } from '../errors.ts';
import { openLocalPipe } from './localPipe.ts';
import type { Pipe } from './pipe.ts';
import type { SpawnPipe } from './pipeProtocol.ts';
import { formatTcti, isEmulator, parseTcti, sharesSlots, type Tcti } from './tcti.ts';
import { createTpm, type Tpm, type TpmOptions } from './tpm.ts';

export type OpenTpmOptions = {
  /** A TCTI string by the allow-list; the machine's own TPM where there is none. A system service passes none. */
  tcti?: string | undefined;
  /** True in one-shot commands: a pipe without a process of its own. Otherwise it runs in a child that can be killed. */
  inProcess?: boolean | undefined;
  /** Upper limit for each command in milliseconds; without it the limit depends on the command. */
  deadlineMs?: number | undefined;
  /** Starts the pipe's process in another way than fork: Electron's utilityProcess. */
  spawn?: SpawnPipe | undefined;
  onExchange?: TpmOptions['onExchange'];
};

/** An answer of the server or two: a resource manager keeps our objects apart from those of others meanwhile. */
const KEEP_MS = 1_000;
/** Less than a software TPM's connection stays open (socketPipe.ts): nobody else can be there while our object is. */
const KEEP_BARE_MS = 20;

/**
 * Opens the TPM. Errors: `tcti-refused`, `no-tpm`, `tpm-no-permission`, `tpm-busy`, `tpm-1.2`, `tpm-disabled`,
 * `tpm-library-missing`, `tpm-library-untrusted`, `platform-unsupported`.
 */
export async function openTpm(options: OpenTpmOptions = {}): Promise<Tpm> {
  const tcti = options.tcti === undefined ? await defaultTcti() : parseTcti(options.tcti);
  const pipe = await openPipe(tcti, options);
  return createTpm(pipe, {
    address: formatTcti(tcti),
    deadlineMs: options.deadlineMs,
    startsTpm: isEmulator(tcti),
    bare: sharesSlots(tcti),
    keepMs: sharesSlots(tcti) ? KEEP_BARE_MS : KEEP_MS,
    onExchange: options.onExchange,
  });
}

async function openPipe(tcti: Tcti, options: OpenTpmOptions): Promise<Pipe> {
  if (options.inProcess) return openLocalPipe(tcti);
  const { openProcessPipe } = await import('./processPipe.ts');
  return openProcessPipe(formatTcti(tcti), options.spawn);
}

/** This machine's own TPM: through the kernel's resource manager on Linux, TBS on Windows. Never an emulator. */
export async function defaultTcti(platform: NodeJS.Platform = process.platform): Promise<Tcti> {
  switch (platform) {
    case 'linux':
      return { kind: 'device', path: '/dev/tpmrm0' };
    case 'win32':
      return { kind: 'tbs' };
    case 'darwin':
      throw new NativeError('tpm-missing', 'A Mac has no TPM; its identity is its serial number.', {
        advice: 'Nothing to do: Muster uses the serial number here.',
      });
    default:
      throw new NativeError('platform-unsupported', `Muster does not know how to reach a TPM on ${platform}.`);
  }
}
