import { isNativeError, NativeError } from '../errors.ts';
import type { Pipe } from './pipe.ts';

/**
 * A pipe that closes its connection after any fault that leaves it in doubt (a late, lost or malformed response) and
 * opens a new one for the next command. The command that failed is not sent again: the TPM may have carried it out.
 */
export function createReopeningPipe(first: Pipe, open: () => Promise<Pipe>): Pipe {
  let current: Pipe | undefined = first;
  let closed = false;
  return {
    async submit(command, deadlineMs) {
      if (closed) throw new NativeError('tpm-closed', 'The connection to the TPM is closed.');
      current ??= await open();
      const used = current;
      try {
        return await used.submit(command, deadlineMs);
      } catch (error) {
        if (isNativeError(error, 'tpm-timeout', 'tpm-connection-lost', 'tpm-response-malformed')) {
          current = undefined;
          await used.close();
        }
        throw error;
      }
    },
    hierarchyAuth: (hierarchy) => current?.hierarchyAuth?.(hierarchy),
    async close() {
      closed = true;
      await current?.close();
      current = undefined;
    },
  };
}
