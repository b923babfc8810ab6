import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { has } from '../build/bootstrap.mjs';
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

const SLUG = 'demo';

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
    const { slug } = await changeSettings(server.store, { acceptSoftwareTpm: acceptSoftwareTpm && tpm !== undefined });
    if (slug !== SLUG) await setUp(server, people);
    const apiToken = await usableToken(server, state.saved.apiToken, people);
    state.save({ apiToken });
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
  if (!has('swtpm') || !has('swtpm_setup')) {
    throw new DemoFailure(
      'tpm-missing',
      'There is no TPM that this account may use, and no software TPM is installed.',
      'Install swtpm and swtpm-tools, or give this account access to /dev/tpmrm0.',
    );
  }
  try {
    return await startSoftwareTpm({ folder: join(folder, 'tpm') });
  } catch (error) {
    throw new DemoFailure(
      'tpm-failed',
      `The demo's software TPM could not be started. ${(error as Error).message}`,
      'Nothing was removed. Repair the folder tpm of the state, move it away for a new TPM, or choose another state with --state DIR.',
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
async function setUp(server: MusterServer, people: DemoPeople): Promise<void> {
  const { email, name } = people.administrator;
  await createAdministrator(server.store, { email, displayName: name, role: 'owner' });
  await changeSettings(server.store, { slug: SLUG, name: 'Demo Organization', selfEnrolment: true });
}

/** The token of the last run, or a new one where that has expired, was revoked, or belonged to a store that is gone. */
async function usableToken(server: MusterServer, saved: string | null, people: DemoPeople): Promise<string> {
  if (saved !== null) {
    const headers = { authorization: `Bearer ${saved}` };
    const { status } = await fetch(`${server.origin}/api/v1/devices?limit=1`, { headers });
    if (status !== 401) return saved;
  }
  const token = await createApiToken(server.store, {
    name: 'demo administrator',
    scopes: Scope.options,
    createdBy: { type: 'administrator', id: null, name: people.administrator.email },
  });
  return token.secret;
}
