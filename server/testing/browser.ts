/** Follows redirects, those of pages too, with its own cookies, and stops at a page or at the loopback callback. */
export function createBrowser(
  origin: string,
  cookieLines: readonly string[] = [],
  preferences: Record<string, string> = {},
) {
  const cookies = new Map<string, { value: string; path: string }>();
  const remember = (lines: readonly string[]) => {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/';
      if (value === '' || attributes.some((text) => /^max-age=0$|1970/i.test(text))) cookies.delete(name);
      else cookies.set(name, { value, path });
    }
  };
  remember(cookieLines);
  const go = async (
    start: string,
    init: RequestInit = {},
  ): Promise<{ path: string; url: URL; status: number; text: string; headers: Headers; callback?: URL }> => {
    let url = new URL(start, origin);
    let request = init;
    for (let hop = 0; hop < 15; hop += 1) {
      // What a loopback client would get; an identity provider is walked through like any site.
      if (url.pathname === '/callback')
        return { path: url.pathname, url, status: 0, text: '', headers: new Headers(), callback: url };
      const own = url.origin === origin;
      const sent = [...cookies].filter(([, cookie]) => own && url.pathname.startsWith(cookie.path));
      const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: { ...preferences, ...(request.headers as Record<string, string>), cookie },
      });
      if (own) remember(response.headers.getSetCookie());
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status >= 400) {
        const text = await response.text();
        const onwards = /<meta http-equiv="refresh" content="0;url=([^"]+)"/.exec(text)?.[1];
        if (onwards !== undefined) {
          url = new URL(onwards.replaceAll('&amp;', '&'), url);
          request = {};
          continue;
        }
        return { path: url.pathname, url, status: response.status, text, headers: response.headers };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      request = {};
    }
    throw new Error('too many redirects');
  };
  return {
    open: (path: string) => go(path),
    submit: (
      path: string,
      fields: Record<string, string>,
      headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
    ) => go(path, { method: 'POST', body: new URLSearchParams(fields), headers }),
    cookies,
  };
}
