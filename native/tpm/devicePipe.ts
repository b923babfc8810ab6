import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { NativeError } from '../errors.ts';
import { checkCommand, checkResponse, MAX_FRAME, type Pipe, withDeadline } from './pipe.ts';

/**
 * /dev/tpmrm0 without tpm2-tss. The descriptor blocks: one write carries the whole command and returns when the TPM is
 * done, one read takes the whole response (Linux: drivers/char/tpm/tpm-dev-common.c).
 */
export async function openDevicePipe(path: string): Promise<Pipe> {
  const file = await open(path, constants.O_RDWR).catch((cause: NodeJS.ErrnoException) => {
    throw deviceError(path, cause.code, cause);
  });
  let pending: Promise<unknown> | undefined;
  return {
    async submit(command, deadlineMs) {
      checkCommand(command);
      if (pending) throw new NativeError('tpm-busy', 'The TPM has not answered an earlier command yet.');
      const exchange = async () => {
        // position null is read(2) and write(2): the device is not seekable, and pread's offset would index the buffer.
        const { bytesWritten } = await file.write(command, 0, command.length, null);
        if (bytesWritten !== command.length) throw lost(undefined);
        const buffer = new Uint8Array(MAX_FRAME);
        const { bytesRead } = await file.read(buffer, 0, MAX_FRAME, null);
        return buffer.slice(0, bytesRead);
      };
      const work = exchange();
      pending = work;
      const free = () => {
        pending = undefined;
      };
      work.then(free, free);
      try {
        return checkResponse(await withDeadline(work, deadlineMs));
      } catch (error) {
        throw error instanceof NativeError ? error : lost(error);
      }
    },
    async close() {
      // The kernel ends a command that hangs after two minutes; until then a thread of ours still uses the descriptor.
      const end = () => file.close();
      if (pending) void pending.then(end, end);
      else await end();
    },
  };
}

/** What an error of opening a TPM device means. `code` is Node's error code (ENOENT, EACCES, …). */
export function deviceError(path: string, code: string | undefined, cause?: unknown): NativeError {
  switch (code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return new NativeError('tpm-missing', `This machine has no TPM device at ${path}.`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new NativeError('tpm-permission', `You may not use the TPM at ${path}.`, { cause });
    case 'EBUSY':
      return new NativeError('tpm-busy', `Another program uses the TPM at ${path}.`, { cause });
    default:
      return new NativeError(
        'tpm-connection-lost',
        `The TPM at ${path} could not be opened (${code ?? 'unknown error'}).`,
        {
          cause,
        },
      );
  }
}

/** Checks that `path` is a character device this process may open, with a reason where it is not. */
export async function checkDevice(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw deviceError(path, cause.code, cause);
  });
  if (!found.isCharacterDevice()) {
    throw new NativeError('tpm-missing', `${path} is not a device.`, {
      advice: 'Name the TPM device, for example device:/dev/tpmrm0.',
    });
  }
}

function lost(cause: unknown): NativeError {
  return new NativeError('tpm-connection-lost', 'The TPM device stopped answering.', { cause });
}
