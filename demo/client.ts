import { join } from 'node:path';
import { createFileStore, type Logger, type Ports, type SystemBrowser, systemClock } from '../app/index.ts';
import { createTpmAttestor, openTpm, readMachine } from '../native/index.ts';

/** The client's ports in the demo: this machine, and the TPM that the demo chose. */
export function demoPorts(options: {
  folder: string;
  tcti: string | undefined;
  browser: SystemBrowser;
  log: Logger;
}): Ports {
  const { tcti } = options;
  return {
    hardware: {
      readMachine,
      hardware: async () => ({
        kind: 'tpm',
        // A software TPM did not measure this machine's start: the machine's event log is not its own.
        open: async () => createTpmAttestor(await openTpm({ tcti }), tcti === undefined ? {} : { eventLog: false }),
      }),
    },
    browser: options.browser,
    store: createFileStore(join(options.folder, 'client')),
    clock: systemClock,
    log: options.log,
    fetch: globalThis.fetch,
  };
}
