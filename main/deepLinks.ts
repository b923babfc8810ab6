import { serverOrigin } from '../app/index.ts';
import { LINK_SCHEME } from './linkArguments.ts';

/** What a `muster:` link can mean. Parsed once, here; only this goes on. A link carries no secret and changes nothing by itself. */
export type DeepLink =
  | { kind: 'open' }
  | { kind: 'open-server'; serverUrl: string }
  | { kind: 'refused'; reason: 'malformed' | 'unknown' | 'insecure-server' | 'too-much' };

const MAX_LENGTH = 2048;

/** `muster://open` shows the window; `muster://open?server=https://…` asks the person whether to use that server. */
export function parseDeepLink(text: string): DeepLink {
  if (text.length > MAX_LENGTH) return { kind: 'refused', reason: 'malformed' };
  const url = URL.parse(text);
  if (!url || url.protocol !== `${LINK_SCHEME}:`) return { kind: 'refused', reason: 'malformed' };
  if (url.hostname !== 'open' || (url.pathname !== '' && url.pathname !== '/') || url.port !== '') {
    return { kind: 'refused', reason: 'unknown' };
  }
  const names = [...url.searchParams.keys()];
  // Whatever else a link brings (a token, a code), it is not for us, and not for our logs.
  if (names.some((name) => name !== 'server') || names.length > 1 || url.hash !== '' || url.username !== '') {
    return { kind: 'refused', reason: 'too-much' };
  }
  const server = url.searchParams.get('server');
  if (server === null) return { kind: 'open' };
  try {
    return { kind: 'open-server', serverUrl: serverOrigin(server) };
  } catch {
    return { kind: 'refused', reason: 'insecure-server' };
  }
}
