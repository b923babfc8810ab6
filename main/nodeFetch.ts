import type { Session } from 'electron';
import { type Fetch, trustFurther } from '../app/index.ts';

/**
 * Node's network behind the core's port, for authorities that IT names besides the system's: Chromium cannot be given them without our
 * judging certificates ourselves. Chromium still says which proxy a request takes (the system's, a PAC file's, or the one of the settings).
 * Error: `policy-unreadable` where the file of authorities cannot be used.
 */
export async function nodeFetch(file: string, session: Pick<Session, 'resolveProxy'>): Promise<Fetch> {
  await trustFurther(file);
  // Loaded here: its named exports load Node's whole fetch, which the usual start does not need.
  const { setGlobalProxyFromEnv } = await import('node:http');
  let inForce: string | undefined;
  let restore: (() => void) | undefined;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const proxy = proxyIn(await session.resolveProxy(url));
    // Plain http goes to this machine alone, and so without a proxy.
    if (proxy !== inForce) {
      restore?.();
      restore = proxy === undefined ? undefined : setGlobalProxyFromEnv({ https_proxy: proxy });
      inForce = proxy;
    }
    return globalThis.fetch(input, init);
  };
}

/**
 * The first proxy that Node can speak to in an answer such as `PROXY a:3128; SOCKS b:1080; DIRECT`; undefined where the connection is direct.
 * SOCKS 4 (`SOCKS`) alone is none of them: the request then goes without, and fails where only that leads out.
 */
export function proxyIn(answer: string): string | undefined {
  for (const part of answer.split(';')) {
    const [kind = '', host = ''] = part.trim().split(/\s+/);
    if (kind === 'DIRECT') return undefined;
    if (kind === 'PROXY' && host !== '') return `http://${host}`;
    if (kind === 'HTTPS' && host !== '') return `https://${host}`;
    if (kind === 'SOCKS5' && host !== '') return `socks5://${host}`;
  }
  return undefined;
}
