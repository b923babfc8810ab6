import { NativeError } from '../errors.ts';
import type { Pipe } from './pipe.ts';
import { createReopeningPipe } from './reopeningPipe.ts';
import { openSocketPipe } from './socketPipe.ts';
import { formatTcti, type Tcti } from './tcti.ts';

/**
 * Opens the TPM in this process, by tpm2-tss or TBS where they are, otherwise by the device file or socket itself.
 * `folders` is where tpm2-tss is looked for: the fixed ones of `tctiLibrary` for everyone but a test.
 */
export async function openLocalPipe(tcti: Tcti, folders?: readonly string[]): Promise<Pipe> {
  // A socket opens itself again.
  if (tcti.kind === 'swtpm' || tcti.kind === 'swtpm-unix') return openOnce(tcti, folders);
  const open = () => openOnce(tcti, folders);
  return createReopeningPipe(await open(), open);
}

async function openOnce(tcti: Tcti, folders: readonly string[] | undefined): Promise<Pipe> {
  switch (tcti.kind) {
    case 'tbs': {
      if (process.platform !== 'win32') throw notHere(tcti);
      const { openTbsPipe } = await import('./tbsPipe.ts');
      return openTbsPipe();
    }
    // swtpm's protocol is bare commands on a socket: a library in between would open a connection for each command.
    case 'swtpm':
      return openSocketPipe({ host: tcti.host, port: tcti.port });
    case 'swtpm-unix':
      return openSocketPipe({ path: tcti.path });
    case 'device':
    case 'mssim':
    case 'tabrmd': {
      if (process.platform !== 'linux') throw notHere(tcti);
      const { openTctiPipe, tctiInstalled } = await import('./tctiPipe.ts');
      if (tctiInstalled(tcti, folders)) return openTctiPipe(tcti);
      if (tcti.kind === 'device') return openDevice(tcti.path);
      throw new NativeError('tpm-library-missing', `${formatTcti(tcti)} needs tpm2-tss, which is not installed.`);
    }
    default:
      return tcti satisfies never;
  }
}

async function openDevice(path: string): Promise<Pipe> {
  const { checkDevice, openDevicePipe } = await import('./devicePipe.ts');
  await checkDevice(path);
  return openDevicePipe(path);
}

function notHere(tcti: Tcti): NativeError {
  return new NativeError('tcti-refused', `${formatTcti(tcti)} does not exist on this operating system.`);
}
