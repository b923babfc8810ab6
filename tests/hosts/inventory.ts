import { randomBytes, randomInt, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createGrantKey, type GrantKey } from '../../app/dpop.ts';
import { createHttp } from '../../app/http.ts';
import { browserSignIn, systemClock } from '../../app/index.ts';
import { createInventory, type Inventory } from '../../app/inventory.ts';
import { Scope, type TeamSettings } from '../../contract/index.ts';
import { type IdentityProvider, makeIdentityProviderKeys, startIdentityProvider } from '../../demo/identityProvider.ts';
import { type DemoPeople, type DemoPerson, makePeople } from '../../demo/people.ts';
import { scriptedPerson } from '../../demo/scriptedPerson.ts';
import { freePort } from '../../demo/state.ts';
import {
  callbackUrl,
  changeSettings,
  createAdministrator,
  createApiToken,
  createServer,
  type MusterServer,
  type ServerOptions,
  trustDemoRoot,
} from '../../server/index.ts';

export type TestInventory = {
  readonly server: MusterServer;
  origin: string;
  /** What the server itself listens on, at 127.0.0.1. */
  port: number;
  /** Ends the server, as an administrator who restarts it would; people and identity provider stay. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  identityProvider: IdentityProvider;
  people: DemoPeople;
  apiToken: string;
  /** A client that asks this server, as the app does. */
  client: Inventory;
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: never; headers: Headers }>;
  close(): Promise<void>;
};

/** The real server with the demo's identity provider, in this process, on a store in `folder`: a demo's, unless `origin` is another machine's. */
export async function startTestInventory(options: {
  folder: string;
  /** Issuers of software TPMs that this demo store trusts, PEM. */
  issuers?: (string | undefined)[];
  settings?: Partial<TeamSettings>;
  /** Epoch milliseconds, for server and client alike. */
  clock?: () => number;
  /** The built console, to be served below /console/. */
  consoleFolder?: string;
  /** Public origin where something stands in front of the server, which is then no demo and trusts no software TPM. */
  origin?: string;
}): Promise<TestInventory> {
  const people = makePeople(randomInt);
  const now = options.clock ?? Date.now;
  const port = await freePort();
  const origin = options.origin ?? `http://127.0.0.1:${port}`;
  // A demo is served to its own machine alone.
  const demo = options.origin === undefined;
  const identityProvider = await startIdentityProvider({
    people: [people.person, people.administrator],
    keys: await makeIdentityProviderKeys(() => randomBytes(32).toString('base64url')),
    redirectUri: callbackUrl(origin),
  });
  const { issuer, clientId, clientSecret } = identityProvider;
  const serverOptions: ServerOptions = {
    store: join(options.folder, 'inventory'),
    demo,
    port,
    identityProvider: { issuer, clientId, clientSecret, allowInsecureLoopback: true },
    rateLimitFactor: 1000,
    logger: false,
    clock: now,
    ...(options.consoleFolder ? { consoleFolder: options.consoleFolder } : {}),
    ...(options.origin ? { origin: options.origin } : {}),
  };
  let server = await createServer(serverOptions);
  await changeSettings(server.store, {
    slug: 'test',
    name: 'Test Team',
    selfEnrolment: true,
    acceptSoftwareTpm: true,
    ...options.settings,
  });
  await createAdministrator(server.store, { email: people.administrator.email, role: 'owner' });
  const { secret: apiToken } = await createApiToken(server.store, { name: 'tests', scopes: Scope.options });
  for (const pem of options.issuers ?? []) {
    if (pem && demo) await trustDemoRoot(server, new Uint8Array(new X509Certificate(pem).raw));
  }
  return {
    get server() {
      return server;
    },
    origin,
    port,
    stop: () => server.close(),
    async restart() {
      server = await createServer(serverOptions);
    },
    identityProvider,
    people,
    apiToken,
    client: createInventory(
      createHttp(origin, { fetch: globalThis.fetch, clock: { ...systemClock, now: () => new Date(now()) } }),
    ),
    async api(method, path, body, headers = {}) {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiToken}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        body: (text === '' ? null : JSON.parse(text)) as never,
        headers: response.headers,
      };
    },
    async close() {
      await server.close();
      await identityProvider.close();
    },
  };
}

export type Granted = { key: GrantKey; grant: string; code: string };

/** Announces a device and signs the person in through the real pages: what the app does before it touches the TPM. */
export async function signIn(
  inventory: TestInventory,
  device: { permanentIdentifier: string; name: string },
  person?: DemoPerson,
): Promise<Granted> {
  const { client, people } = inventory;
  const key = await createGrantKey();
  const ceremony = await client.announce({
    permanentIdentifier: device.permanentIdentifier,
    deviceName: device.name,
    os: 'Linux',
    keyThumbprint: key.thumbprint,
  });
  const failed = Promise.withResolvers<never>();
  const token = await Promise.race([
    failed.promise,
    browserSignIn(
      scriptedPerson(person ?? people.person, { onError: failed.reject }),
      'stop',
    )({
      origin: inventory.origin,
      server: await client.server(),
      ceremony,
      key,
      fetch: globalThis.fetch,
      waiting: () => undefined,
      signal: AbortSignal.timeout(30_000),
    }),
  ]);
  const { grant } = await client.grant(key, token, ceremony.id);
  return { key, grant, code: ceremony.code };
}
