import { join } from 'node:path';
import { createFileStore, type Logger, type Ports, type SystemBrowser, systemClock } from '../app/index.ts';
import type { AppSnapshot } from '../contract/index.ts';
import { createHardwareIdentity } from '../main/hardware.ts';

/** The client's ports in the demo: this machine, and the TPM that the demo chose. */
export function demoPorts(options: {
  folder: string;
  tcti: string | undefined;
  browser: SystemBrowser;
  log: Logger;
}): Ports {
  const store = createFileStore(join(options.folder, 'client'));
  return {
    hardware: createHardwareIdentity({ tcti: options.tcti, claimKeys: store }),
    browser: options.browser,
    store,
    clock: systemClock,
    log: options.log,
    fetch: globalThis.fetch,
  };
}

/** This machine's platform as the window names it. */
export function platformName(): AppSnapshot['platform'] {
  if (process.platform === 'darwin') return 'macos';
  return process.platform === 'win32' ? 'windows' : 'linux';
}
