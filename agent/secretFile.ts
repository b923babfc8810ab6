import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../app/errors.ts';

/**
 * A secret from a file (- is standard input), without white space around it. With `ownerOnly` it has to be this account's, or root's, and
 * nobody else may read it. Error: `state-unreadable`.
 */
export function readSecretFile(file: string, what: string, { ownerOnly }: { ownerOnly: boolean }): string {
  if (file === '-') return readFileSync(0, 'utf8').trim();
  const descriptor = open(file, what);
  try {
    const found = fstatSync(descriptor);
    const { mode, uid, size } = found;
    if (found.isDirectory()) throw unusable(what, 'is a folder', 'Name the file in it.');
    if (size > 4096) throw unusable(what, 'is too long to be one', 'Check its path.');
    const own = process.getuid?.();
    // Windows: the rights of the folder decide.
    if (ownerOnly && own !== undefined && ((mode & 0o077) !== 0 || (uid !== own && uid !== 0))) {
      throw unusable(what, 'can be read or changed by others', `Make it yours alone: chmod 600 ${file}`);
    }
    return readFileSync(descriptor, 'utf8').trim();
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string, what: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw unusable(what, 'cannot be read', 'Check its path and permissions.', cause);
  }
}

function unusable(what: string, why: string, advice: string, cause?: unknown): AppError {
  return new AppError('state-unreadable', `The file of the ${what} ${why}.`, { advice, cause });
}
