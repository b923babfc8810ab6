import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { ServerError } from '../error.ts';
import type { MdmProvider } from './provider.ts';

export const FileSettings = z.strictObject({ path: z.string().min(1), pageSize: z.int().min(1).max(500).default(100) });
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Devices out of a JSON file (an array of MdmDevice): for inventories that can only export, and for proving the contract. A cursor is the
 * number of devices read so far. The file is the whole list, so `since` narrows nothing.
 */
export function fileProvider(settings: z.infer<typeof FileSettings>): MdmProvider {
  const read = async (): Promise<unknown[]> => {
    const { size } = await stat(settings.path).catch((cause: unknown) =>
      unreadable(settings.path, 'it cannot be opened', cause),
    );
    if (size > MAX_BYTES) return unreadable(settings.path, 'it is larger than 256 MiB');
    try {
      const value = JSON.parse(await readFile(settings.path, 'utf8')) as unknown;
      return Array.isArray(value) ? value : unreadable(settings.path, 'it does not hold a JSON array');
    } catch (cause) {
      if (cause instanceof ServerError) throw cause;
      return unreadable(settings.path, 'it is not JSON', cause);
    }
  };
  return {
    check: async () => {
      await read();
      return { tenant: basename(settings.path), missingPrivileges: [] };
    },
    async *list({ cursor }) {
      const devices = await read();
      const from = cursor === undefined ? 0 : Number(cursor);
      for (let at = from; at < devices.length; at += settings.pageSize) {
        const items = devices.slice(at, at + settings.pageSize);
        yield { items, total: devices.length, checkpoint: String(at + items.length) };
      }
    },
  };
}

function unreadable(path: string, why: string, cause?: unknown): never {
  throw new ServerError('configuration', `The device list ${basename(path)} cannot be read: ${why}.`, { cause });
}
