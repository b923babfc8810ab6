import { useCallback, useEffect, useState } from 'react';

const PAGES = ['details', 'diagnostics', 'settings'] as const;
export type PageName = (typeof PAGES)[number];

const pageOf = (hash: string): PageName | null => PAGES.find((page) => hash === `#/${page}`) ?? null;

/** Which page behind the menu is open: kept in the address, so that the system's own "back" works too. */
export function usePage(): [PageName | null, (page: PageName | null) => void] {
  const [page, setPage] = useState(() => pageOf(globalThis.location?.hash ?? ''));
  useEffect(() => {
    const read = (): void => setPage(pageOf(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  const goTo = useCallback((next: PageName | null) => {
    location.hash = next ? `#/${next}` : '#/';
  }, []);
  return [page, goTo];
}
