import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, type Logger, silentLogger, toUserError } from '../../app/index.ts';
import { type Bridge, WEB_BRIDGE, WebBridgeCall, WebBridgeSnapshot } from '../../contract/index.ts';
import { PAGE_HEADERS } from '../csp.ts';
import { createDispatcher } from '../dispatcher.ts';
import { readRendererFile } from '../rendererFiles.ts';

export type BrowserHostOptions = {
  app: { bridge: Bridge };
  /** The built window: dist/renderer. */
  rendererFolder: string;
  /** A free one where it is absent. Error: the operating system's, where the port is taken. */
  port?: number | undefined;
  log?: Logger | undefined;
};

export type BrowserHost = {
  /** Address with a token that opens the window once, in one browser. */
  url: string;
  /** Another such address, for another browser; the window that is open stays open. */
  issueUrl(): string;
  close(): Promise<void>;
};

const MAX_CALL_BYTES = 64 * 1024;
const ALIVE_MS = 15_000;

/**
 * Serves the same window over the same core where Electron cannot run. Loopback only; the token in the address is exchanged once for a
 * SameSite=Strict, HttpOnly cookie; Host (DNS rebinding) and Origin (other pages of this machine) are checked on every request.
 */
export async function startBrowserHost(options: BrowserHostOptions): Promise<BrowserHost> {
  const log = options.log ?? silentLogger;
  const dispatch = createDispatcher(options.app.bridge, log);
  const tokens = new Set<string>();
  const sessions = new Set<string>();
  const streams = new Set<ServerResponse>();
  const server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      log.error('the browser host could not answer', { what: String(error) });
      if (!response.headersSent) fail(response, 500, toUserError(error));
      else response.destroy();
    });
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen({ host: '127.0.0.1', port: options.port ?? 0, exclusive: true }, done);
  });
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const origin = `http://${host}`;
  // Cookies do not know ports: two hosts on one machine must not overwrite each other's.
  const cookie = `${WEB_BRIDGE.cookieName}-${port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '', origin);
    if (!url || request.headers.host !== host || url.origin !== origin) return refuse(response, 421);
    if (!fromOwnPage(request, origin)) return refuse(response, 403);
    const token = url.searchParams.get(WEB_BRIDGE.tokenParameter);
    if (request.method === 'GET' && url.pathname === '/' && token !== null) return signIn(request, response, token);
    if (!hasSession(request)) return refuse(response, 401);
    if (url.pathname === WEB_BRIDGE.callPath) return call(request, response);
    if (url.pathname === WEB_BRIDGE.snapshotsPath) return snapshots(request, response);
    return file(request, response, url.pathname);
  }

  function signIn(request: IncomingMessage, response: ServerResponse, token: string): void {
    const spent = take(tokens, token);
    if (!spent && !hasSession(request)) {
      refuse(response, 403);
      return;
    }
    const headers: Record<string, string> = { ...PAGE_HEADERS, location: '/' };
    if (spent) {
      const session = randomBytes(32).toString('base64url');
      sessions.add(fingerprint(session));
      headers['set-cookie'] = `${cookie}=${session}; HttpOnly; SameSite=Strict; Path=/`;
    }
    response.writeHead(303, headers).end();
  }

  function hasSession(request: IncomingMessage): boolean {
    for (const part of (request.headers.cookie ?? '').split(';')) {
      const [name, value] = part.trim().split('=', 2);
      if (name === cookie && value && find(sessions, value) !== undefined) return true;
    }
    return false;
  }

  async function call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.headers['content-type']?.split(';')[0] !== 'application/json') {
      return fail(
        response,
        415,
        toUserError(new AppError('unsupported-media-type', 'Calls are POST requests with JSON.')),
      );
    }
    // A cross-site form cannot send JSON, but only the Origin says that the caller is this very page.
    if (request.headers.origin !== origin) return refuse(response, 403);
    const parsed = WebBridgeCall.safeParse(await readJson(request));
    if (!parsed.success) {
      return fail(response, 400, toUserError(new AppError('invalid-request', 'The call cannot be read.')));
    }
    const answer = await dispatch(parsed.data.method, parsed.data.params);
    if ('error' in answer) return fail(response, 400, answer.error);
    send(response, 200, answer);
  }

  async function snapshots(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') return refuse(response, 405);
    response.writeHead(200, { ...PAGE_HEADERS, 'content-type': 'text/event-stream; charset=utf-8' });
    streams.add(response);
    const push = (snapshot: unknown) => {
      const data = JSON.stringify(WebBridgeSnapshot.parse(snapshot));
      response.write(`event: ${WEB_BRIDGE.snapshotEvent}\ndata: ${data}\n\n`);
    };
    const stop = options.app.bridge.subscribe(push);
    const alive = setInterval(() => response.write(': alive\n\n'), ALIVE_MS);
    alive.unref();
    response.once('close', () => {
      stop();
      clearInterval(alive);
      streams.delete(response);
    });
    push(await options.app.bridge.invoke('snapshot', {}));
  }

  async function file(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
    const found = await readRendererFile(options.rendererFolder, pathname);
    if (!found) return refuse(response, 404);
    response.writeHead(200, { ...PAGE_HEADERS, 'content-type': found.type, 'content-length': found.bytes.byteLength });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  function issueUrl(): string {
    const token = randomBytes(24).toString('base64url');
    tokens.add(fingerprint(token));
    return `${origin}/?${WEB_BRIDGE.tokenParameter}=${token}`;
  }

  return {
    url: issueUrl(),
    issueUrl,
    close: () =>
      new Promise((done) => {
        for (const stream of streams) stream.end();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Browsers say where a request comes from; what does not come from this page, or from a person's address bar, is refused. */
function fromOwnPage(request: IncomingMessage, origin: string): boolean {
  const { origin: from, 'sec-fetch-site': site } = request.headers;
  if (from !== undefined && from !== origin) return false;
  if (site === undefined || site === 'same-origin' || site === 'none') return true;
  // A link on another page may open the window, as long as it only navigates.
  return (
    request.method === 'GET' &&
    request.headers['sec-fetch-mode'] === 'navigate' &&
    request.headers['sec-fetch-dest'] === 'document'
  );
}

const fingerprint = (secret: string) => createHash('sha256').update(secret).digest('base64url');

/** Compares hashes in constant time, so that neither token nor cookie can be guessed byte by byte. */
function find(known: Set<string>, secret: string): string | undefined {
  const wanted = Buffer.from(fingerprint(secret));
  let found: string | undefined;
  for (const candidate of known) {
    if (timingSafeEqual(Buffer.from(candidate), wanted)) found = candidate;
  }
  return found;
}

function take(known: Set<string>, secret: string): boolean {
  const found = find(known, secret);
  return found !== undefined && known.delete(found);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Uint8Array;
    size += bytes.byteLength;
    if (size > MAX_CALL_BYTES) return undefined;
    chunks.push(bytes);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

const TEXTS: Record<number, string> = {
  401: 'This page belongs to a window that is closed. Open the address that Muster printed when it started.',
  403: 'This address cannot be used again. Start Muster anew, and open the address that it prints.',
  404: 'There is nothing here.',
  405: 'This is not possible here.',
  421: 'Open the address that Muster printed, exactly as it is.',
};

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${TEXTS[status] ?? 'Refused.'}\n`);
}

function fail(response: ServerResponse, status: number, error: ReturnType<typeof toUserError>): void {
  send(response, status, { error });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { ...PAGE_HEADERS, 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
