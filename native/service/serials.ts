import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { collectLinux, type ReadFile } from '../machine/linux.ts';
import type { Serials } from './protocol.ts';

/** What stands in a credential where the firmware has no such value: systemd's SetCredential= wants some text. */
const NONE = '-';

/**
 * Serial number and UUID of this machine. The service is not root either: systemd hands it the files as credentials (LoadCredential=), each
 * under the name of its file.
 */
export async function collectSerials(folder = credentialsFolder()): Promise<Serials> {
  const { serial, hardwareUuid } = await collectLinux('', folder === undefined ? undefined : withCredentials(folder));
  return { serial, hardwareUuid };
}

/** The firmware's event log as a credential; false where systemd found none, undefined where it handed nothing over. */
export function eventLogCredential(folder = credentialsFolder()): string | false | undefined {
  if (folder === undefined) return undefined;
  const path = join(folder, 'binary_bios_measurements');
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.size > NONE.length ? path : false;
}

function credentialsFolder(): string | undefined {
  const folder = process.env.CREDENTIALS_DIRECTORY;
  return folder !== undefined && isAbsolute(folder) ? folder : undefined;
}

function withCredentials(folder: string): ReadFile {
  return async (path) => {
    const text = await readFile(join(folder, basename(path)), 'utf8').catch(() => undefined);
    // No such credential: another fact, or a machine that has none. The file itself says which.
    return text === undefined || text.trim() === NONE ? readFile(path, 'utf8') : text;
  };
}
