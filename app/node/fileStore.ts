import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { StateStore } from '../ports.ts';

const NAME = /^[a-z][a-z0-9-]*$/;

/**
 * The state as one file for each name in a folder that only its owner may read (0700, files 0600). A write goes to a temporary file, is
 * synced, renamed, and the folder is synced: the old value or the new one, never half. Secrets rest on the folder's permissions; the keys of
 * an enrolment are blobs that only the TPM can use.
 */
export function createFileStore(folder: string): StateStore {
  const pathOf = (name: string) => {
    if (!NAME.test(name)) throw new AppError('unexpected', `"${name}" is no name for a value.`);
    return join(folder, `${name}.json`);
  };
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(job: () => Promise<T>): Promise<T> => {
    const next = turn.then(job, job);
    turn = next.catch(() => undefined);
    return next;
  };
  return {
    async read(name) {
      try {
        return await readFile(pathOf(name), 'utf8');
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw unusable(folder, error);
      }
    },
    write: (name, value) =>
      inTurn(async () => {
        const path = pathOf(name);
        const temporary = `${path}.new`;
        try {
          await mkdir(folder, { recursive: true, mode: 0o700 });
          await chmod(folder, 0o700);
          await rm(temporary, { force: true });
          const file = await open(temporary, 'wx', 0o600);
          try {
            await file.writeFile(value, 'utf8');
            await file.sync();
          } finally {
            await file.close();
          }
          await rename(temporary, path);
          await syncFolder(folder);
        } catch (error) {
          throw unusable(folder, error);
        }
      }),
    remove: (name) =>
      inTurn(async () => {
        try {
          await rm(pathOf(name), { force: true });
          await syncFolder(folder);
        } catch (error) {
          if (codeOf(error) !== 'ENOENT') throw unusable(folder, error);
        }
      }),
  };
}

/** Windows cannot open a folder for syncing; NTFS journals the rename. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

function unusable(folder: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('state-unreadable', `The folder ${folder} cannot be used (${String(codeOf(error) ?? error)}).`, {
    advice: 'Check that the folder belongs to you and that the disk is not full.',
    cause: error,
  });
}
