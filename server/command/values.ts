import { readFile } from 'node:fs/promises';
import { ServerError } from '../error.ts';

/** Option values by name, as the command line gave them. */
export type ServerValues = ReadonlyMap<string, string>;

/** Error: `configuration` where the option is absent. */
export function required(values: ServerValues, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new ServerError('configuration', `Give --${name}.`);
  return value;
}

/** One of the words that an option takes; the first one where it is absent. Error: `configuration`. */
export function oneOf<const T extends string>(values: ServerValues, name: string, words: readonly [T, ...T[]]): T {
  const value = values.get(name) ?? words[0];
  const known = words.find((word) => word === value);
  if (known === undefined) throw new ServerError('configuration', `--${name} is one of ${words.join(', ')}.`);
  return known;
}

/** Error: `configuration` where the file cannot be read. */
export async function contentOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ServerError('configuration', `${file} cannot be read.`, { cause });
  }
}
