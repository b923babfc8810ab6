import { useEffect, useState } from 'react';

const LISTS = ['devices', 'pending', 'conflicts', 'invites', 'people', 'provisioning', 'tokens', 'settings'] as const;

export type Route = { name: (typeof LISTS)[number] } | { name: 'device'; id: string };

/** Addresses live behind `#`, so that the server has one page to serve. */
export function parseRoute(hash: string): Route {
  const [first, second] = hash.replace(/^#\/?/, '').split('/');
  if (first === 'devices' && second) return { name: 'device', id: decodeURIComponent(second) };
  return { name: LISTS.find((name) => name === first) ?? 'devices' };
}

export function hrefOf(route: Route): string {
  return route.name === 'device' ? `#/devices/${encodeURIComponent(route.id)}` : `#/${route.name}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(globalThis.location?.hash ?? ''));
  useEffect(() => {
    const read = (): void => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return route;
}
