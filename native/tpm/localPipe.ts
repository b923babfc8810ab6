import { isNativeError, NativeError } from '../errors.ts';
import { checkDevice, openDevicePipe } from './devicePipe.ts';
import type { Pipe } from './pipe.ts';
import { createReopeningPipe } from './reopeningPipe.ts';
import { openSocketPipe } from './socketPipe.ts';
import { formatTcti, type Tcti } from './tcti.ts';

/** Opens the TPM in this process, by tpm2-tss or TBS where they are, otherwise by the device file or socket itself. */
export async function openLocalPipe(tcti: Tcti): Promise<Pipe> {
  const open = () => openOnce(tcti);
  return createReopeningPipe(await open(), open);
}

async function openOnce(tcti: Tcti): Promise<Pipe> {
  if (tcti.kind === 'tbs') {
    if (process.platform !== 'win32') throw notHere(tcti);
    const { openTbsPipe } = await import('./tbsPipe.ts');
    return openTbsPipe();
  }
  if (tcti.kind === 'swtpm-unix') return openSocketPipe({ path: tcti.path });
  if (process.platform === 'linux') {
    const { openTctiPipe, tctiInstalled } = await import('./tctiPipe.ts');
    if (await usable(() => tctiInstalled(tcti))) return openTctiPipe(tcti);
  }
  switch (tcti.kind) {
    case 'device':
      if (process.platform !== 'linux') throw notHere(tcti);
      await checkDevice(tcti.path);
      return openDevicePipe(tcti.path);
    case 'swtpm':
      return openSocketPipe({ host: tcti.host, port: tcti.port });
    case 'mssim':
    case 'tabrmd':
      throw new NativeError('tpm-library-missing', `${formatTcti(tcti)} needs tpm2-tss, which is not installed.`);
    default:
      return tcti satisfies never;
  }
}

/** An absent library has a fallback; one that others could have changed has none and is told. */
async function usable(check: () => boolean): Promise<boolean> {
  try {
    return check();
  } catch (error) {
    if (isNativeError(error, 'tpm-library-missing')) return false;
    throw error;
  }
}

function notHere(tcti: Tcti): NativeError {
  return new NativeError('tcti-refused', `${formatTcti(tcti)} does not exist on this operating system.`);
}
