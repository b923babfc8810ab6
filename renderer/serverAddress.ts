export type ServerAddressFault = 'serverMissing' | 'serverInvalid' | 'serverInsecure';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why an address that a person typed cannot be used, or null. The core decides again; this only answers while they still see the field. */
export function serverAddressFault(text: string): ServerAddressFault | null {
  const address = text.trim();
  if (address === '') return 'serverMissing';
  if (!URL.canParse(address)) return 'serverInvalid';
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:') return null;
  if (protocol !== 'http:') return 'serverInvalid';
  return LOOPBACK.test(hostname) ? null : 'serverInsecure';
}

/** Host and, where it is not the usual one, port of a server's address. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
