import type { Net } from 'electron';
import type { Fetch } from '../app/index.ts';

/**
 * Chromium's network stack behind the core's port: it knows the system's proxy, PAC and certificate authorities. No cookies, no cache, and
 * never the window's own scheme.
 */
export function electronFetch(net: Pick<Net, 'fetch'>): Fetch {
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return net.fetch(url, { ...(init as RequestInit), credentials: 'omit', bypassCustomProtocolHandlers: true });
  };
}
