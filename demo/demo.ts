import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Scope } from '../contract/index.ts';
import {
  callbackUrl,
  changeSettings,
  createAdministrator,
  createApiToken,
  createServer,
  type MusterServer,
  ServerError,
  trustDemoRoot,
} from '../server/index.ts';
import { DemoFailure } from './failure.ts';
import { type IdentityProvider, startIdentityProvider } from './identityProvider.ts';
import type { DemoPeople } from './people.ts';
import { type SoftwareTpm, startSoftwareTpm } from './softwareTpm.ts';
import type { StateFolder } from './state.ts';

export type Demo = {
  folder: string;
  origin: string;
  issuer: string;
  people: DemoPeople;
  apiToken: string;
  /** Undefined where this machine's own TPM is used. */
  tcti: string | undefined;
  close(): Promise<void>;
};

export type DemoOptions = {
  state: StateFolder;
  acceptSoftwareTpm: boolean;
  /** This machine's own hardware instead of a software TPM. */
  ownHardware: boolean;
  consoleFolder: string | undefined;
};

/** Starts identity provider, TPM and inventory on one state folder; what was started is ended again when a later one fails. */
export async function startDemo({ state, acceptSoftwareTpm, ownHardware, consoleFolder }: DemoOptions): Promise<Demo> {
  const { people, keys, ports } = state.saved;
  const started: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  };
  try {
    const tpm = ownHardware ? undefined : await softwareTpm(state.path);
    if (tpm) started.push(tpm.stop);
    const origin = `http://127.0.0.1:${ports.server}`;
    const identityProvider = await startIdentityProvider({
      people: [people.person, people.administrator],
      keys,
      redirectUri: callbackUrl(origin),
      port: ports.identityProvider,
    });
    started.push(identityProvider.close);
    const server = await inventory(join(state.path, 'inventory'), ports.server, identityProvider, consoleFolder);
    started.push(server.close);
    const apiToken = state.saved.apiToken ?? (await setUp(server, people));
    state.save({ apiToken });
    await changeSettings(server.store, { acceptSoftwareTpm: acceptSoftwareTpm && tpm !== undefined });
    if (tpm?.rootCertificate && tpm.issuerCertificate) {
      const der = (pem: string) => new Uint8Array(new X509Certificate(pem).raw);
      await trustDemoRoot(server, der(tpm.rootCertificate), 'swtpm', [der(tpm.issuerCertificate)]);
    }
    return {
      folder: state.path,
      origin: server.origin,
      issuer: identityProvider.issuer,
      people,
      apiToken,
      tcti: tpm?.tcti,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function softwareTpm(folder: string): Promise<SoftwareTpm> {
  try {
    return await startSoftwareTpm({ folder: join(folder, 'tpm') });
  } catch (error) {
    const missing = !existsSync('/usr/bin/swtpm');
    throw new DemoFailure(
      'tpm-missing',
      missing
        ? 'There is no TPM that this account may use, and no software TPM is installed.'
        : (error as Error).message,
      missing
        ? 'Install swtpm and swtpm-tools, or give this account access to /dev/tpmrm0.'
        : 'Choose another state folder with --state DIR, or look at the message above.',
      { cause: error },
    );
  }
}

async function inventory(
  store: string,
  port: number,
  identityProvider: IdentityProvider,
  consoleFolder: string | undefined,
): Promise<MusterServer> {
  const { issuer, clientId, clientSecret } = identityProvider;
  try {
    return await createServer({
      store,
      demo: true,
      port,
      identityProvider: { issuer, clientId, clientSecret, allowInsecureLoopback: true },
      ...(consoleFolder === undefined ? {} : { consoleFolder }),
      logger: false,
    });
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new DemoFailure(
      error.code,
      error.message,
      'Choose another state folder with --state DIR, or another port with --port N.',
      { cause: error },
    );
  }
}

/** Once for each store: the team, its administrator, and what the demo shows switched on. */
async function setUp(server: MusterServer, people: DemoPeople): Promise<string> {
  await changeSettings(server.store, { slug: 'demo', name: 'Demo Organization', selfEnrolment: true });
  const { email, name } = people.administrator;
  await createAdministrator(server.store, { email, displayName: name, role: 'owner' });
  const token = await createApiToken(server.store, {
    name: 'demo administrator',
    scopes: Scope.options,
    createdBy: { type: 'administrator', id: null, name: email },
  });
  return token.secret;
}
