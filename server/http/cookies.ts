import type { CookieSerializeOptions } from '@fastify/cookie';

export type CookieName = 'session' | 'sign-in' | 'invite';

/** `__Host-` binds a cookie to this origin; browsers take the prefix over https only, so plain loopback goes without. */
export function cookieName(origin: string, name: CookieName): string {
  return `${origin.startsWith('https:') ? '__Host-' : ''}muster-${name}`;
}

export function cookieOptions(origin: string, maxAgeMs: number): CookieSerializeOptions {
  return {
    path: '/',
    httpOnly: true,
    secure: origin.startsWith('https:'),
    sameSite: 'lax',
    maxAge: Math.floor(maxAgeMs / 1000),
  };
}
