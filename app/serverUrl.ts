import { AppError } from './errors.ts';

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** True for an address of this machine itself, the only kind that may be plain http. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.has(url.hostname) || /^127(?:\.\d{1,3}){3}$/.test(url.hostname);
}

/**
 * The origin of a server that a person, a link or a policy named: https, or http to loopback. A missing scheme means https.
 * Errors: `server-not-muster` for what is no address, `server-insecure` for plain http elsewhere.
 */
export function serverOrigin(text: string): string {
  const trimmed = text.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
  if (!url || url.hostname === '') throw new AppError('server-not-muster', 'This is not the address of a server.');
  if (url.username !== '' || url.password !== '') {
    throw new AppError('server-not-muster', 'The address of a server holds no user name or password.');
  }
  assertSecure(url);
  return url.origin;
}

/** Refuses everything but https, and http to loopback. Checked again on every request, because servers name addresses too. */
export function assertSecure(url: URL): void {
  if (url.protocol === 'https:') return;
  if (url.protocol === 'http:' && isLoopback(url)) return;
  throw new AppError('server-insecure', `Muster does not speak to ${url.protocol}//${url.host}.`);
}
