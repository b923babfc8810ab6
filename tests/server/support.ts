import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Role, Scope } from '../../contract/index.ts';
import {
  createAdministrator,
  createApiToken,
  createServer,
  type MusterServer,
  type ServerOptions,
} from '../../server/index.ts';
import { createSession } from '../../server/store/sessions.ts';

export const ALL_SCOPES = Scope.options;

/** Reference material that is not part of this repository: MUSTER_SHARED_REFERENCE, or ../shared/reference beside it. */
export function sharedReference(name: string): string | undefined {
  const folder = process.env.MUSTER_SHARED_REFERENCE ?? resolve(import.meta.dirname, '../../../shared/reference');
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

export type Sent = { method?: string; body?: unknown; headers?: Record<string, string>; token?: string | null };
export type Received = { status: number; headers: Headers; body: unknown; text: string };

export type TestServer = {
  server: MusterServer;
  /** An API token with every scope. */
  token: string;
  /** Sends JSON with that token unless another (or null, for none) is given. The path goes out as it is written. */
  call: (path: string, sent?: Sent) => Promise<Received>;
  tokenWith: (scopes: readonly Scope[]) => Promise<string>;
  /** A console session of a person in a role: headers to send along. */
  session: (role: Role, email?: string) => Promise<Record<string, string>>;
  close: () => Promise<void>;
};

/** A real server on a free port with a store of its own. */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-server-'));
  const server = await createServer({ store: folder, demo: false, rateLimitFactor: 1000, ...options });
  const now = () => server.context.now();
  const tokenWith = async (scopes: readonly Scope[]) =>
    (await createApiToken(server.store, { name: 'test', scopes }, now())).secret;
  const token = await tokenWith(ALL_SCOPES);
  return {
    server,
    token,
    tokenWith,
    call: (path, sent = {}) => send(server.origin, path, { token, ...sent }),
    session: async (role, email = `${role}@example.com`) => {
      const user = await createAdministrator(server.store, { email, role }, now());
      const secret = await server.store.write((trx) => createSession(trx, now(), user.id));
      return { cookie: `muster-session=${secret}`, origin: server.origin, 'sec-fetch-site': 'same-origin' };
    },
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function send(origin: string, path: string, sent: Sent): Promise<Received> {
  const { method = 'GET', body, headers = {}, token } = sent;
  const response = await fetch(origin + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: json && text !== '' ? JSON.parse(text) : undefined,
    text,
  };
}
