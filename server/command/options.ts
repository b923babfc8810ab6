import { existsSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import type { ServerOptions } from '../createServer.ts';
import { ServerError } from '../error.ts';
import { required, type ServerValues } from './values.ts';

/** The first one holds where none is named. */
export const LOG_LEVELS = ['info', 'debug', 'warn', 'error', 'silent'] as const;

export function portOf(text: string | undefined): { port?: number } {
  if (text === undefined) return {};
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new ServerError('configuration', `${text} is not a port.`);
  return { port };
}

/** The built console: a folder with its page. */
export async function consoleOf(values: ServerValues): Promise<Pick<ServerOptions, 'consoleFolder'>> {
  const consoleFolder = values.get('console');
  if (consoleFolder === undefined) return {};
  if (!existsSync(join(consoleFolder, 'index.html')))
    throw new ServerError(
      'configuration',
      `${consoleFolder} is not the folder of a built console: it has no index.html.`,
    );
  return { consoleFolder };
}

/** Addresses and networks of proxies, by comma; and the names that proxy-addr has for private ones. */
export function proxiesOf(text: string | undefined): Pick<ServerOptions, 'trustProxy'> {
  if (text === undefined) return {};
  const trustProxy = text.split(',').map((part) => part.trim());
  const wrong = trustProxy.find((part) => !isProxy(part));
  if (wrong !== undefined)
    throw new ServerError('configuration', `"${wrong}" is not the address of a proxy, such as 10.0.0.5 or 10.0.0.0/8.`);
  return { trustProxy };
}

function isProxy(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', prefix, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  if (prefix === undefined) return true;
  if (!/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    // A prefix that is longer than the address.
    return false;
  }
}

/** The mail server's address out of its file. It may hold a password, so it is not said again. */
export function mailServerIn(text: string, file: string): string {
  const protocol = URL.parse(text)?.protocol;
  if (protocol === 'smtp:' || protocol === 'smtps:') return text;
  throw new ServerError(
    'configuration',
    `${file} does not hold the address of a mail server: smtps://user:password@host.`,
  );
}

/** For commands that look at a store or change what is in it: a wrong path must not make a new one. */
export function assertStore(values: ServerValues): ServerValues {
  const folder = required(values, 'store');
  if (!existsSync(join(folder, 'muster.db')))
    throw new ServerError('configuration', `There is no store in ${folder}. muster server --store FOLDER makes one.`);
  return values;
}
