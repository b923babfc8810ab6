import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeIdentityProviderKeys, startIdentityProvider } from '../../demo/identityProvider.ts';
import { browse } from '../../demo/scriptedBrowser.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import {
  callbackUrl,
  changeSettings,
  createAdministrator,
  createApiToken,
  createServer,
  type MusterServer,
  trustDemoRoot,
} from '../../server/index.ts';

export const PERSON = { email: 'ada@demo.example', name: 'Ada Demo', password: 'correct horse' } as const;

export type World = Awaited<ReturnType<typeof startWorld>>;

/** A real inventory, identity provider and software TPM in a temporary folder; nothing is faked but the hardware's maker. */
export async function startWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'muster-world-'));
  /** Moves the clocks of server and client; tests of what happens after weeks. */
  const time = { offsetMs: 0 };
  const random = () => randomBytes(24).toString('base64url');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const people = [PERSON];
  const idp = await startIdentityProvider({
    people,
    keys: await makeIdentityProviderKeys(random),
    redirectUri: callbackUrl(origin),
  });
  const tpm = await startSoftwareTpm({ folder: join(folder, 'tpm') });
  let server = await startServer().catch(async (error: unknown) => {
    await tpm.stop();
    await idp.close();
    throw error;
  });
  await createAdministrator(server.store, { email: 'admin@demo.example', role: 'owner' });
  await changeSettings(server.store, { selfEnrolment: true, acceptSoftwareTpm: true });
  if (tpm.rootCertificate) await trustDemoRoot(server, new Uint8Array(new X509Certificate(tpm.rootCertificate).raw));
  const token = await createApiToken(server.store, { name: 'tests', scopes: ['devices:read', 'devices:decide'] });

  function startServer(): Promise<MusterServer> {
    const identityProvider = {
      issuer: idp.issuer,
      clientId: idp.clientId,
      clientSecret: idp.clientSecret,
      allowInsecureLoopback: true,
    };
    return createServer({
      store: join(folder, 'store'),
      demo: true,
      port,
      identityProvider,
      rateLimitFactor: 1000,
      clock: () => Date.now() + time.offsetMs,
    });
  }

  async function api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token.secret}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  return {
    folder,
    origin,
    tcti: tpm.tcti,
    time,
    api,
    /** The person at the pages of identity provider and inventory, without a browser. */
    signIn: (url: string) =>
      browse(url, ({ fields, buttons }) => {
        if (fields.has('login')) {
          fields.set('login', PERSON.email);
          fields.set('password', PERSON.password);
        }
        const accept = buttons.find((button) => /=(accept|confirm|yes)$/.test(button));
        if (accept) fields.set(accept.slice(0, accept.indexOf('=')), accept.slice(accept.indexOf('=') + 1));
        return fields;
      }),
    async decide(id: string, decision: { decision: 'approved' } | { decision: 'refused'; reason: string }) {
      const { version } = await api('GET', `/api/v1/devices/${id}`);
      return api('PUT', `/api/v1/devices/${id}/approval`, decision, { 'if-match': `"${version}"` });
    },
    stopServer: () => server.close(),
    async restartServer() {
      server = await startServer();
    },
    async close() {
      await server.close();
      await idp.close();
      await tpm.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createTcpServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port'))));
    });
  });
}
