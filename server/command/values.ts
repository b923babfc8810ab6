import { ServerError } from '../error.ts';

/** Option values by name, as the command line gave them. */
export type ServerValues = ReadonlyMap<string, string>;

/** Error: `configuration` where the option is absent. */
export function required(values: ServerValues, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new ServerError('configuration', `Give --${name}.`);
  return value;
}
