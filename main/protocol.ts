import type { CustomScheme, Protocol } from 'electron';
import type { Logger } from '../app/index.ts';
import { PAGE_HEADERS } from './csp.ts';
import { readRendererFile } from './rendererFiles.ts';

/** The window's own origin: a standard, secure scheme instead of file:. SECURITY: docs/security.md, row 18. */
export const WINDOW_SCHEME = 'app';
export const WINDOW_ORIGIN = `${WINDOW_SCHEME}://window`;
export const WINDOW_URL = `${WINDOW_ORIGIN}/index.html`;

/** Before `ready`. Not among the privileges: bypassCSP, and no service workers, which would outlive an update. */
export const SCHEMES: CustomScheme[] = [{ scheme: WINDOW_SCHEME, privileges: { standard: true, secure: true } }];

/** Answers the window's requests from its folder, each with the policy header; everything else is 404 or 405. */
export function serveWindow(protocol: Pick<Protocol, 'handle'>, folder: string, log: Logger): void {
  protocol.handle(WINDOW_SCHEME, async (request) => {
    const url = URL.parse(request.url);
    if (url?.host !== 'window') return empty(404);
    if (request.method !== 'GET') return empty(405);
    const file = await readRendererFile(folder, url.pathname);
    if (!file) {
      log.warn('the window asked for a file that is not there', { path: url.pathname.slice(0, 200) });
      return empty(404);
    }
    return new Response(file.bytes, { headers: { ...PAGE_HEADERS, 'content-type': file.type } });
  });
}

const empty = (status: number) => new Response(null, { status, headers: PAGE_HEADERS });

/** True for the window's own pages, by parsed scheme and host, never by prefix. Node gives custom schemes the origin "null". */
export function isWindowUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    url.protocol === `${WINDOW_SCHEME}:` &&
    url.host === 'window' &&
    url.username === '' &&
    url.password === ''
  );
}
