import { open } from 'node:fs/promises';

const LINUX_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements';
/** Larger logs are left out rather than cut: half a log proves nothing. */
const LIMIT = 512 * 1024;

/** The firmware's TCG event log, where this process may read it (Linux: usually root alone); undefined otherwise. */
export async function readEventLog(path: string = LINUX_LOG): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, 'r');
    const buffer = new Uint8Array(LIMIT + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size, null);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return size > 0 && size <= LIMIT ? buffer.slice(0, size) : undefined;
  } catch {
    // Absent in containers and virtual machines, root-only elsewhere. The quote stands without it.
    return undefined;
  }
}
