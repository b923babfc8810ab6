import { useEffect, useState } from 'react';

export type Route = { name: 'devices' } | { name: 'pending' } | { name: 'device'; id: string };

/** Addresses live behind `#`, so that the server has one page to serve. */
export function parseRoute(hash: string): Route {
  const [first, second] = hash.replace(/^#\/?/, '').split('/');
  if (first === 'devices' && second) return { name: 'device', id: decodeURIComponent(second) };
  if (first === 'pending') return { name: 'pending' };
  return { name: 'devices' };
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
