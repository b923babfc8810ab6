import { open } from 'node:fs/promises';
import type { readTcgLog } from '../windows/tcgLog.ts';

const LINUX_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements';
/** Larger logs are left out rather than cut: half a log proves nothing. */
const LIMIT = 512 * 1024;

export type EventLogSource = {
  /** A file that holds the log, instead of where this operating system keeps it. */
  path?: string | undefined;
  platform?: NodeJS.Platform;
  readWindows?: typeof readTcgLog;
};

/**
 * The firmware's TCG event log, where this process may read it (Linux: usually root alone); undefined otherwise. The quote
 * stands without it.
 */
export async function readEventLog(source: string | EventLogSource = {}): Promise<Uint8Array | undefined> {
  const { path, platform = process.platform, readWindows } = typeof source === 'string' ? { path: source } : source;
  try {
    if (path !== undefined || platform === 'linux') return await readFile(path ?? LINUX_LOG);
    if (platform !== 'win32') return undefined;
    return await (readWindows ?? (await import('../windows/tcgLog.ts')).readTcgLog)(LIMIT);
  } catch {
    // Absent in containers and virtual machines, root-only elsewhere; before Windows 10 1803 there is no such function.
    return undefined;
  }
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path, 'r');
  const buffer = new Uint8Array(LIMIT + 1);
  let size = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, size, buffer.length - size, null);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return size > 0 && size <= LIMIT ? buffer.slice(0, size) : undefined;
}
