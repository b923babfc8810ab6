import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SettingsRead, SettingsSource } from './source.ts';
import { watchFiles } from './watchFiles.ts';

const MAX_BYTES = 1024 * 1024;

export type LinuxFiles = {
  /** Absolute paths, strongest first: the first that exists is the only one that counts (UAPI configuration files specification). */
  paths: readonly string[];
  /** User id that must own file and folder. Always 0, except where a test cannot be root. */
  owner?: number;
};

type Refusal = { kind: 'refused'; location: string; reason: string };

/** The settings files of Linux. Only a file that nobody but root can have written counts. */
export function linuxSettings({ paths, owner = 0 }: LinuxFiles): SettingsSource {
  return {
    carrier: 'file',
    async read() {
      for (const path of paths) {
        const found = await readOne(path, owner);
        if (found) return found;
      }
      return { kind: 'read', layers: [] };
    },
    watch: (changed) => watchFiles(paths, changed),
  };
}

/** Undefined where the file does not exist. */
async function readOne(path: string, owner: number): Promise<SettingsRead | undefined> {
  const refused = (reason: string): Refusal => ({ kind: 'refused', location: path, reason });
  let file: FileHandle;
  try {
    // O_NONBLOCK: a FIFO in its place must not hold the caller for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') return refused('It is a symbolic link; put the file itself there.');
    if (code === 'ENXIO') return refused('It is not a regular file.');
    throw error;
  }
  try {
    // The same descriptor that is read: a path could be exchanged between two looks.
    const status = await file.stat();
    if (!status.isFile()) return refused('It is not a regular file.');
    if (status.uid !== owner) return refused('It does not belong to root.');
    if ((status.mode & 0o022) !== 0) return refused('Its group or everyone may write it; set its mode to 0644.');
    if (status.size > MAX_BYTES) return refused('It is larger than 1 MB.');
    const folder = await stat(dirname(path));
    if (folder.uid !== owner || (folder.mode & 0o022) !== 0) {
      return refused(`Someone other than root may write the folder ${dirname(path)}; set its mode to 0755.`);
    }
    const values = parseObject(await file.readFile('utf8'));
    if (!values) return { kind: 'malformed', location: path, reason: 'It is not a JSON object.' };
    return { kind: 'read', layers: [{ scope: 'machine', location: path, values }] };
  } finally {
    await file.close();
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
