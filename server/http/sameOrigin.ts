import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a browser says that a request comes from this origin's own pages: Sec-Fetch-Site where it is sent, else Origin. A request
 * with neither is not from a page (or from a browser too old to be trusted with a session) and does not count.
 */
export function isOwnOrigin(headers: IncomingHttpHeaders, origin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return headers.origin === origin;
}
