import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Made } from '../../attestation/testing/certificates.ts';
import {
  Ceremony,
  Challenge,
  Grant,
  type Problem,
  type Scope,
  SelfDevice,
  type TeamSettings,
} from '../../contract/index.ts';
import { storeRoot } from '../attestation/roots.ts';
import { createServer, type MusterServer, type ServerOptions } from '../createServer.ts';
import { changeSettings, createApiToken, createInvite } from '../setUp.ts';
import { createBrowser } from './browser.ts';
import type { ClaimDevice } from './claimDevice.ts';
import { createGrantKey, dpopProof, type GrantKey } from './grantKey.ts';
import { createMaker, createSoftDevice, type Forge, type SoftDevice } from './softDevice.ts';

export type Answer = { status: number; headers: Headers; body: unknown; text: string };
export type World = Awaited<ReturnType<typeof startWorld>>;
export type Walk = { device: SoftDevice; key: GrantKey; ceremony: Ceremony; grant: string };

/** A server on its own store with a clock that a test moves, and clients that speak to it over HTTP only. */
export async function startWorld(options: { settings?: Partial<TeamSettings>; server?: Partial<ServerOptions> } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'muster-server-'));
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  let server: MusterServer = await createServer({
    store: folder,
    demo: false,
    rateLimitFactor: 1000,
    clock,
    ...options.server,
  });
  if (options.settings) await changeSettings(server.store, options.settings);
  const maker = createMaker();
  await trust(server, maker);

  const call = async (
    method: string,
    path: string,
    request: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const body =
      request.body === undefined
        ? undefined
        : typeof request.body === 'string'
          ? request.body
          : JSON.stringify(request.body);
    const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...request.headers };
    const response = await fetch(`${server.origin}${path}`, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const json = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
  };

  const withGrant = async (key: GrantKey, grant: string, path: string, body: unknown): Promise<Answer> => {
    const proof = await dpopProof(key, {
      method: 'POST',
      url: `${server.origin}${path}`,
      token: grant,
      issuedAt: Math.floor(clock() / 1000),
    });
    return call('POST', path, { body, headers: { authorization: `DPoP ${grant}`, dpop: proof } });
  };

  const asDevice = async (
    device: Pick<SoftDevice, 'sign'>,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer> => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = `${server.origin}${path}`;
    const signed = await device.sign({
      method,
      url,
      created: new Date(clock()),
      ...(text === undefined ? {} : { body: text }),
    });
    return call(method, path, { headers: signed, ...(text === undefined ? {} : { body: text }) });
  };

  const announce = async (
    device: Pick<SoftDevice, 'urn' | 'machine'>,
    key: GrantKey,
    identifier = device.urn,
  ): Promise<Ceremony> => {
    const body = {
      permanentIdentifier: identifier,
      deviceName: device.machine.hostName,
      os: device.machine.os,
      keyThumbprint: key.thumbprint,
    };
    return Ceremony.parse((await call('POST', '/api/v1/ceremonies', { body })).body);
  };

  /** Signs a person in by an invite, as a browser and an app would, up to the access token. Each step is a request. */
  const signIn = async (ceremony: Ceremony, key: GrantKey, email = 'ada@example.com'): Promise<string> => {
    const invite = await createInvite(server.store, { email }, clock());
    const opened = await call('POST', '/api/v1/invites/open', {
      body: { secret: invite.secret },
      headers: { origin: server.origin },
    });
    const browser = createBrowser(server.origin, opened.headers.getSetCookie());
    const { path, exchange } = authorization(server.origin, ceremony, key);
    const page = await browser.open(path);
    if (page.callback) throw new Error(`sign-in ended early: ${page.callback.search}`);
    const end = await browser.submit(`${page.path}/decision`, { decision: 'accept' });
    const code = end.callback?.searchParams.get('code');
    if (!code) throw new Error(`no code: ${end.callback?.search ?? end.text}`);
    const answer = await exchange(code);
    const token = (await answer.json()) as { access_token?: string; token_type?: string; error?: string };
    if (!token.access_token) throw new Error(`no token: ${JSON.stringify(token)}`);
    return token.access_token;
  };

  const grantFor = async (key: GrantKey, token: string, ceremonyId: string): Promise<Answer> => {
    const url = `${server.origin}/api/v1/grants`;
    const proof = await dpopProof(key, { method: 'POST', url, token, issuedAt: Math.floor(clock() / 1000) });
    return call('POST', '/api/v1/grants', {
      body: { ceremonyId },
      headers: { authorization: `DPoP ${token}`, dpop: proof },
    });
  };

  /** Announces, signs in and gets the grant. */
  const begin = async (device: SoftDevice, email?: string): Promise<Walk> => {
    const key = createGrantKey();
    const ceremony = await announce(device, key);
    const token = await signIn(ceremony, key, email);
    const answer = await grantFor(key, token, ceremony.id);
    if (answer.status !== 201) throw new Error(`no grant: ${answer.text}`);
    return { device, key, ceremony, grant: Grant.parse(answer.body).grant };
  };

  const activate = async ({ device, key, grant }: Walk): Promise<string[]> => {
    const attested = await withGrant(key, grant, '/attest', device.attestBody());
    if (attested.status !== 200) throw new Error(`attest: ${attested.text}`);
    const { credential, secret } = attested.body as { credential: string; secret: string };
    const plain = Buffer.from(device.activateCredential(credential, secret)).toString('base64');
    const activated = await withGrant(key, grant, '/secret', { secret: plain });
    if (activated.status !== 200) throw new Error(`secret: ${activated.text}`);
    return (activated.body as { chain: string[] }).chain;
  };

  const submit = async (
    walk: Walk,
    akChain: string[],
    forge: Forge & { origin?: string; challenge?: string } = {},
  ): Promise<Answer> => {
    const { device, key, grant } = walk;
    const challenge =
      forge.challenge ?? Challenge.parse((await withGrant(key, grant, '/api/v1/challenges', {})).body).challenge;
    const binding = { origin: forge.origin ?? server.origin, challenge, boundTo: key.thumbprint };
    const proof = device.proof(binding, akChain, forge);
    return withGrant(key, grant, '/api/v1/enrollments', { kind: 'tpm', machine: device.machine, proof });
  };

  /** The whole walk. */
  const enroll = async (device: SoftDevice, email?: string): Promise<Answer> => {
    const walk = await begin(device, email);
    return submit(walk, await activate(walk));
  };

  /** The walk of a machine without a TPM. */
  const claim = async (device: ClaimDevice, email?: string): Promise<Answer> => {
    const key = createGrantKey();
    const ceremony = await announce(device, key);
    const granted = await grantFor(key, await signIn(ceremony, key, email), ceremony.id);
    const { grant } = Grant.parse(granted.body);
    const { challenge } = Challenge.parse((await withGrant(key, grant, '/api/v1/challenges', {})).body);
    const body = device.body({ origin: server.origin, challenge, boundTo: key.thumbprint });
    return withGrant(key, grant, '/api/v1/enrollments', body);
  };

  const token = async (...scopes: Scope[]): Promise<string> =>
    (await createApiToken(server.store, { name: 'test', scopes }, clock())).secret;

  return {
    get server() {
      return server;
    },
    get origin() {
      return server.origin;
    },
    folder,
    maker,
    call,
    withGrant,
    asDevice,
    announce,
    signIn,
    grantFor,
    begin,
    activate,
    submit,
    enroll,
    claim,
    token,
    api: async (bearer: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      call(method, path, {
        headers: { authorization: `Bearer ${bearer}`, ...headers },
        ...(body === undefined ? {} : { body }),
      }),
    newDevice: (name?: string) => createSoftDevice({ maker, ...(name === undefined ? {} : { name }) }),
    /** Moves the server's clock. */
    advance: (ms: number) => {
      ahead += ms;
    },
    clock,
    change: (settings: Partial<TeamSettings>) => changeSettings(server.store, settings),
    restart: async () => {
      await server.close();
      // Where something stands in front, the origin has another port.
      const port = options.server?.port ?? Number(new URL(server.origin).port);
      server = await createServer({
        store: folder,
        demo: false,
        rateLimitFactor: 1000,
        clock,
        ...options.server,
        port,
      });
    },
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function trust(server: MusterServer, maker: Made): Promise<void> {
  const root = {
    certificate: maker.der,
    vendor: 'Infineon',
    role: 'root',
    ek_class: 'hardware',
    source: 'administrator',
  } as const;
  await server.store.write((trx) => storeRoot(trx, Date.now(), root));
  server.context.roots.changed();
}

/** An authorization request as the app makes it, with the exchange of its code; `change` replaces parameters. */
export function authorization(
  origin: string,
  ceremony: Ceremony,
  key: GrantKey,
  change: Record<string, string | undefined> = {},
) {
  const verifier = randomBytes(32).toString('base64url');
  const redirect = 'http://127.0.0.1:1/callback';
  const parameters: Record<string, string | undefined> = {
    client_id: 'desktop',
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid',
    state: 'state',
    nonce: 'nonce',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ceremony: ceremony.id,
    dpop_jkt: key.thumbprint,
    ...change,
  };
  const query = new URLSearchParams(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const url = `${origin}/oidc/token`;
  const exchange = async (code: string, form: Record<string, string> = {}, proofKey = key): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { dpop: await dpopProof(proofKey, { method: 'POST', url }) },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirect,
        client_id: 'desktop',
        code_verifier: verifier,
        ...form,
      }),
    });
  return { path: `/oidc/auth?${query}`, exchange };
}

/** The code of a refusal; the answer's text where it is none, so that a failing test says what came. */
export function codeOf(answer: Answer): string {
  const problem = answer.body as Partial<Problem> | undefined;
  return problem?.code ?? `${answer.status} ${answer.text.slice(0, 300)}`;
}

export function deviceOf(answer: Answer): SelfDevice {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return SelfDevice.parse(answer.body);
}
