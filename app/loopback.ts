import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { languageOf, type PageLanguage } from '../contract/acceptLanguage.ts';
import { AppError } from './errors.ts';

export type LoopbackListener = {
  redirectUri: string;
  /** The one matching request, as its full URL. Rejects with the signal's reason. */
  callback: Promise<URL>;
  close(): Promise<void>;
};

/**
 * Waits on 127.0.0.1 (then [::1]) and an ephemeral port for the redirect of one sign-in (RFC 8252 section 7.3): exactly one GET with the
 * exact path, the Host that was given out, and the expected `state`. Everything else is answered 404 and does not end the wait, so that
 * another program cannot spend the attempt by guessing the port.
 */
export async function listenOnLoopback(options: {
  path: string;
  state: string;
  page: Record<PageLanguage, { title: string; text: string }>;
  signal: AbortSignal;
}): Promise<LoopbackListener> {
  const { server, origin } = await listen();
  const { promise, resolve, reject } = Promise.withResolvers<URL>();
  promise.catch(() => undefined); // closed by `signal` before anybody awaited it
  const abort = () => reject(options.signal.reason);
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  let taken = false;
  server.on('request', (request, response) => {
    const url = matching(request, origin, options);
    const language = languageOf(request.headers['accept-language']);
    if (!url || taken) return answer(response, 404, language, NOTHING[language]);
    taken = true;
    answer(response, 200, language, options.page[language]);
    response.on('finish', () => resolve(url));
    response.on('close', () => resolve(url));
  });
  return {
    redirectUri: `${origin}${options.path}`,
    callback: promise,
    close: () =>
      new Promise((done) => {
        options.signal.removeEventListener('abort', abort);
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function matching(request: IncomingMessage, origin: string, options: { path: string; state: string }): URL | undefined {
  const url = URL.parse(request.url ?? '', origin);
  if (request.method !== 'GET' || !url || url.origin !== origin || url.pathname !== options.path) return undefined;
  if (request.headers.host !== new URL(origin).host) return undefined;
  return url.searchParams.get('state') === options.state ? url : undefined;
}

async function listen(): Promise<{ server: Server; origin: string }> {
  // Its named exports load Node's whole fetch, which the start of the app does not need.
  const { createServer } = await import('node:http');
  const problems: unknown[] = [];
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer({ maxHeaderSize: 16_384 });
    server.requestTimeout = 10_000;
    try {
      await new Promise<void>((done, failed) => {
        server.once('error', failed);
        server.listen({ host, port: 0, exclusive: true }, done);
      });
      const { port } = server.address() as AddressInfo;
      return { server, origin: `http://${host === '::1' ? '[::1]' : host}:${port}` };
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AppError('browser-not-opened', 'Muster could not listen on this machine for the end of the sign-in.', {
    advice: 'Ask your IT whether a security program stops programs from listening on 127.0.0.1.',
    cause: new AggregateError(problems),
  });
}

/** The look of the server's sign-in pages (server/oidc/pages.ts), which this page ends. */
const STYLE =
  ':root{color-scheme:light dark}*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:light-dark(#f5f6f8,#14181e);color:light-dark(#1c2330,#e8ebf0);font:16px/1.5 system-ui,sans-serif}main{width:100%;max-width:30rem;padding:2rem;border:1px solid light-dark(#d5dae1,#39424f);border-radius:12px;background:light-dark(#fff,#1d232b)}h1{font-size:1.35rem;line-height:1.3;margin:0 0 .75rem}p{margin:.5rem 0}';
const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const NOTHING = {
  en: { title: 'Not found', text: 'There is nothing here.' },
  de: { title: 'Nicht gefunden', text: 'Hier ist nichts.' },
};

function answer(
  response: ServerResponse,
  status: number,
  language: PageLanguage,
  { title, text }: { title: string; text: string },
): void {
  const body = `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p></main></body></html>\n`;
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src ${STYLE_HASH}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(body);
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
