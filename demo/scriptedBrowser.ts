/**
 * A browser without a screen for `--once`: it follows redirects with its own cookies, signs in on the identity provider's page and answers
 * the confirm page, as the demo person would. What it fetches are the same pages; nothing in the servers knows of it.
 */
export type FormAnswer = (page: { url: URL; fields: URLSearchParams; buttons: string[] }) => URLSearchParams;

/** Opens `start`, submits the form of each page as `answer` fills it, and ends on the first page without a form. */
export async function browse(
  start: string,
  answer: FormAnswer,
  signal?: AbortSignal,
): Promise<{ url: URL; status: number; text: string }> {
  const cookies = new Map<string, string>();
  let url = new URL(start);
  let request: RequestInit = {};
  for (let step = 0; step < 40; step++) {
    const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = new Headers(request.headers);
    if (jar) headers.set('cookie', jar);
    const response = await fetch(url, { ...request, headers, redirect: 'manual', ...(signal ? { signal } : {}) });
    remember(cookies, response.headers.getSetCookie());
    const location = response.headers.get('location');
    if (location && response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      url = new URL(location, url);
      request = {};
      continue;
    }
    const text = await response.text();
    const form = readForm(text, url);
    if (!form) return { url, status: response.status, text };
    if (step > 0 && response.status >= 400)
      throw new Error(`${url.pathname} answered ${response.status}: ${plain(text)}`);
    const fields = answer({ url, fields: form.fields, buttons: form.buttons });
    url = form.action;
    // A browser names where a form comes from; the pages check it.
    request = {
      method: 'POST',
      body: fields.toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: url.origin,
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'navigate',
      },
    };
  }
  throw new Error(`The sign-in did not end: too many pages, the last one ${url.origin}${url.pathname}`);
}

function remember(cookies: Map<string, string>, lines: string[]): void {
  for (const line of lines) {
    const [pair = '', ...attributes] = line.split(';');
    const name = pair.slice(0, pair.indexOf('=')).trim();
    const value = pair.slice(pair.indexOf('=') + 1).trim();
    const gone = attributes.some((text) => /^\s*(max-age=0|expires=thu, 01 jan 1970.*)$/i.test(text));
    if (gone || value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
}

type Form = { action: URL; fields: URLSearchParams; buttons: string[] };

/** The first form of a page that posts. */
function readForm(html: string, base: URL): Form | undefined {
  for (const [, open = '', content = ''] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    if (attribute(open, 'method')?.toLowerCase() !== 'post') continue;
    const fields = new URLSearchParams();
    for (const [tag] of content.matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(tag, 'name');
      if (name) fields.set(name, attribute(tag, 'value') ?? '');
    }
    const buttons = [...content.matchAll(/<button\b[^>]*>/gi)].map(
      ([tag]) => `${attribute(tag, 'name') ?? ''}=${attribute(tag, 'value') ?? ''}`,
    );
    return { action: new URL(attribute(open, 'action') || base.href, base), fields, buttons };
  }
  return undefined;
}

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i').exec(tag);
  return match ? decodeEntities(match[1] ?? match[2] ?? '') : undefined;
}

function decodeEntities(text: string): string {
  const names: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return names[name] ?? all;
  });
}

function plain(html: string): string {
  const main = /<main\b[^>]*>([\s\S]*?)<\/main>/i.exec(html)?.[1] ?? html;
  return decodeEntities(main.replace(/<[^>]+>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}
