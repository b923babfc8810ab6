import { useCallback, useEffect, useState } from 'react';

const LISTS = [
  'devices',
  'pending',
  'conflicts',
  'invites',
  'people',
  'mdm',
  'makers',
  'authorities',
  'provisioning',
  'tokens',
  'settings',
  'audit',
] as const;

export type Route = { name: (typeof LISTS)[number] } | { name: 'device'; id: string };
/** Filters of a view, kept in its address: going back, reloading and passing the address on keep them. */
export type Query = Readonly<Record<string, string | undefined>>;

/** Addresses live behind `#`, so that the server has one page to serve. */
export function parseRoute(hash: string): Route {
  const [path = ''] = hash.replace(/^#\/?/, '').split('?');
  const [first, second] = path.split('/');
  if (first === 'devices' && second) return { name: 'device', id: decodeURIComponent(second) };
  return { name: LISTS.find((name) => name === first) ?? 'devices' };
}

export function hrefOf(route: Route, query: Query = {}): string {
  const path = route.name === 'device' ? `#/devices/${encodeURIComponent(route.id)}` : `#/${route.name}`;
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value);
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}

export const parseQuery = (hash: string): Query =>
  Object.fromEntries(new URLSearchParams(hash.split('?').slice(1).join('?')));

function useHash<T>(read: (hash: string) => T): [T, (value: T) => void] {
  const [value, setValue] = useState(() => read(globalThis.location?.hash ?? ''));
  useEffect(() => {
    const follow = (): void => setValue(read(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [read]);
  return [value, setValue];
}

export const useRoute = (): Route => useHash(parseRoute)[0];

/** The filters of the view and how to change them; a change replaces the address, so that "back" leaves the view. */
export function useQuery(): [Query, (change: Query) => void] {
  const [query, setQuery] = useHash(parseQuery);
  const change = useCallback(
    (fields: Query) => {
      const next = { ...parseQuery(location.hash), ...fields };
      history.replaceState(null, '', hrefOf(parseRoute(location.hash), next));
      setQuery(parseQuery(location.hash));
    },
    [setQuery],
  );
  return [query, change];
}
