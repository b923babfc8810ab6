import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyServerOptions } from 'fastify';
import packageJson from '../package.json' with { type: 'json' };
import { auditRoutes } from './administration/auditRoutes.ts';
import { administrationRoutes } from './administration/index.ts';
import type { MailOptions } from './administration/inviteMail.ts';
import { loadIssuers } from './attestation/issuers.ts';
import { rootRoutes } from './attestation/rootRoutes.ts';
import { createRoots } from './attestation/roots.ts';
import { sessionRoutes } from './console/sessionRoutes.ts';
import { setupRoutes } from './console/setupRoutes.ts';
import { consoleStaticRoutes } from './console/staticRoutes.ts';
import { accessRoutes } from './devices/accessRoutes.ts';
import { aliasRoutes } from './devices/aliasRoutes.ts';
import { caWebhookRoute } from './devices/caWebhookRoute.ts';
import { deviceRoutes } from './devices/deviceRoutes.ts';
import { evidenceRoutes } from './devices/evidenceRoutes.ts';
import { selfRoutes } from './devices/selfRoutes.ts';
import { walkRoutes } from './enrollment/walkRoutes.ts';
import { ServerError } from './error.ts';
import { createEventHub } from './events/hub.ts';
import { enforceAccess } from './http/access.ts';
import { createApplication } from './http/application.ts';
import type { App, Context } from './http/context.ts';
import { createLimits } from './http/limits.ts';
import { registerOpenApi } from './http/openapi.ts';
import { recordRefusals } from './http/refusals.ts';
import { scheduleSyncs } from './jobs/mdm.ts';
import { sweepOutbox } from './jobs/outbox.ts';
import { purge } from './jobs/purge.ts';
import { seal, secretKey, signingKey, unseal } from './keys/keyring.ts';
import { openKeyEncryptionKey } from './keys/rotation.ts';
import { syncConnections } from './mdm/connections.ts';
import { createBindInvite } from './oidc/deviceInvite.ts';
import { inviteRoutes } from './oidc/inviteRoutes.ts';
import { mountProvider } from './oidc/mount.ts';
import { createProvider } from './oidc/provider.ts';
import { signInRoutes } from './oidc/signInRoutes.ts';
import { createUpstream, type IdentityProviderOptions } from './oidc/upstream.ts';
import { smallstepMount } from './smallstep/mount.ts';
import { takeLease } from './store/lease.ts';
import { createSettingsReader } from './store/settings.ts';
import { openStore, type Store } from './store/store.ts';

export type ServerOptions = {
  /** The folder of the store. Made where it is missing. */
  store: string;
  /** Whether this is the demo: its stores are stamped, bound to loopback, and refused otherwise; and the other way round. */
  demo: boolean;
  /** Public origin where a proxy stands in front, such as `https://inventory.example`. Without it, the address that is listened on. */
  origin?: string;
  /** 127.0.0.1 when absent. */
  host?: string;
  /** 0, a free one, when absent. */
  port?: number;
  identityProvider?: IdentityProviderOptions;
  /** How invites are mailed; without it they wait in the folder `outbox` of the store. */
  mail?: MailOptions;
  /** The built console; without it only the API is served. */
  consoleFolder?: string;
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustProxy?: string[];
  /** Scales every rate limit; 1 when absent. */
  rateLimitFactor?: number;
  logger?: FastifyServerOptions['logger'];
  /** Other roots than Apple's own for Apple's attestations (DER): tests. */
  appleRoots?: readonly Uint8Array[];
  /** The server's clock: epoch milliseconds. */
  clock?: () => number;
};

export type MusterServer = {
  origin: string;
  app: App;
  store: Store;
  context: Context;
  close(): Promise<void>;
};

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const POLL_MS = 1000;
const PURGE_MS = 60_000;

/** Where a client is told to go back to after the identity provider; register exactly this there. */
export function callbackUrl(origin: string): string {
  return `${origin}/sign-in/callback`;
}

/**
 * Opens the store, listens, and serves. Errors ({@link ServerError}): `port-in-use`, `store-is-demo`, `store-is-production`, `store-in-use`,
 * `store-unreadable`, `store-too-new`, `demo-needs-loopback`, `configuration`.
 */
export async function createServer(options: ServerOptions): Promise<MusterServer> {
  const host = options.host ?? '127.0.0.1';
  if (options.demo && !LOOPBACK.includes(host)) {
    throw new ServerError(
      'demo-needs-loopback',
      'The demo listens on this machine only: it trusts what a real inventory must not.',
    );
  }
  const http = createHttpServer({ requestTimeout: 60_000, requireHostHeader: false });
  await listen(http, host, options.port ?? 0);
  try {
    return await serve(options, http, host);
  } catch (error) {
    http.closeAllConnections();
    http.close();
    throw error;
  }
}

async function listen(http: Server, host: string, port: number): Promise<void> {
  try {
    http.listen({ host, port });
    await once(http, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ServerError(
        'port-in-use',
        `Port ${port} is in use by another program. Choose another one with --port.`,
        { cause },
      );
    }
    throw new ServerError('configuration', `The server cannot listen on ${host} port ${port} (${code ?? 'unknown'}).`, {
      cause,
    });
  }
}

function originOf(options: ServerOptions, http: Server, host: string): string {
  if (options.origin === undefined) {
    const { port } = http.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }
  const url = URL.parse(options.origin);
  if (!url || url.origin === 'null' || !['/', ''].includes(url.pathname) || url.search || url.hash) {
    throw new ServerError(
      'configuration',
      'The origin is scheme, host and port only, such as https://inventory.example.',
    );
  }
  const loopback = LOOPBACK.includes(url.hostname.replace(/^\[|\]$/g, ''));
  if (url.protocol !== 'https:' && !loopback) {
    throw new ServerError(
      'configuration',
      'People and devices must reach the server over https: put a TLS proxy in front of it.',
    );
  }
  if (options.demo && !loopback) {
    throw new ServerError('demo-needs-loopback', 'The demo is served to this machine only.');
  }
  return url.origin;
}

async function serve(options: ServerOptions, http: Server, host: string): Promise<MusterServer> {
  const now = options.clock ?? Date.now;
  const origin = originOf(options, http, host);
  const store = await openStore(options.store, options.demo ? 'demo' : 'production', now());
  const release = await takeLease(store, Date.now).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const closing = new Set<() => void>();
  const onClose = (listener: () => void) => {
    closing.add(listener);
    return () => closing.delete(listener);
  };
  try {
    const app = await createApplication({
      server: http,
      origin: () => origin,
      logger: options.logger,
      trustProxy: options.trustProxy,
    });
    const context = await createContext(options, store, origin, app, onClose);
    await registerAll(app, context, options);
    await app.ready();
    const sweep = setInterval(() => {
      const swept = Promise.all([purge(store, now()), sweepOutbox(store.db, join(options.store, 'outbox'), now())]);
      swept.catch((error: unknown) => app.log.error({ err: error }, 'purge failed'));
    }, PURGE_MS);
    sweep.unref();
    closing.add(scheduleSyncs(context, app.log));
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      clearInterval(sweep);
      for (const listener of closing) listener();
      context.hub.close();
      http.closeIdleConnections();
      const stopped = new Promise<void>((resolve) => http.close(() => resolve()));
      await app.close();
      http.closeAllConnections();
      await stopped;
      await release();
      await store.close();
    };
    return {
      origin,
      app,
      store,
      context,
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await release();
    await store.close();
    throw error;
  }
}

async function createContext(
  options: ServerOptions,
  store: Store,
  origin: string,
  app: App,
  onClose: Context['onClose'],
): Promise<Context> {
  const now = options.clock ?? Date.now;
  const kek = await openKeyEncryptionKey(store, options.store);
  const [oidcKey, cookieKey, dpopNonceKey, cursorKey] = await Promise.all([
    signingKey(store.db, kek, 'oidc-signing', now()),
    secretKey(store.db, kek, 'cookies', now()),
    secretKey(store.db, kek, 'dpop-nonces', now()),
    secretKey(store.db, kek, 'cursors', now()),
  ]);
  const reportError = (error: unknown) => app.log.error({ err: error }, 'authorization server failed');
  const signing = { id: oidcKey.id, privateKey: oidcKey.privateKey };
  const hub = await createEventHub(store.db, POLL_MS);
  const settings = createSettingsReader(() => store.db);
  return {
    store,
    origin,
    demo: options.demo,
    version: packageJson.version,
    now,
    settings,
    hub,
    seal: (purpose, plain) => seal(kek, purpose, plain),
    unseal: (purpose, sealed) => unseal(kek, purpose, sealed),
    syncMdm: (chosen) => syncConnections({ store, kek, now, settings, wake: () => hub.wake() }, chosen),
    issuers: await loadIssuers(store, kek, now()),
    roots: createRoots(store.db),
    appleRoots: options.appleRoots,
    upstream: options.identityProvider ? createUpstream(options.identityProvider, callbackUrl(origin)) : null,
    provider: createProvider({
      store,
      origin,
      now,
      signingKey: signing,
      cookieKey,
      dpopNonceKey,
      reportError,
      bindInvite: createBindInvite(store, now),
    }),
    routes: [],
    onClose,
    cursorKey,
  };
}

async function registerAll(app: App, context: Context, options: ServerOptions): Promise<void> {
  const limits = await createLimits(app, options.rateLimitFactor ?? 1);
  await registerOpenApi(app, context);
  enforceAccess(app, context, limits);
  recordRefusals(app, context);
  const plugins = [
    walkRoutes,
    selfRoutes,
    aliasRoutes,
    rootRoutes,
    deviceRoutes,
    evidenceRoutes,
    accessRoutes,
    caWebhookRoute,
    auditRoutes,
    sessionRoutes,
    setupRoutes,
    inviteRoutes,
    signInRoutes,
    mountProvider,
  ];
  for (const plugin of plugins) await app.register((nested) => plugin(nested, context));
  await app.register((nested) => administrationRoutes(nested, context, { folder: options.store, mail: options.mail }));
  await app.register(smallstepMount, { prefix: '/api', context });
  const folder = options.consoleFolder;
  if (folder !== undefined) await app.register((nested) => consoleStaticRoutes(nested, folder));
}
