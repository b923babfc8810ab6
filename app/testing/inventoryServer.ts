import { createHash, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpbis } from 'http-message-signatures';
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { EnrollmentRequest, ERRORS, type ErrorCode, type SelfDevice } from '../../contract/index.ts';
import { aDevice } from '../../contract/testing/fixtures.ts';
import { thumbprintOfSpki } from '../keys.ts';

export const PROVISIONING_TOKEN = 'muster_provision_0123456789abcdef';

type Fault =
  | 'lose the request'
  | 'lose the answer'
  | { code: ErrorCode }
  | { status: number; body: string; type: string };

/**
 * The claim path of the inventory's API over real HTTP, for tests of the client's flow: it checks DPoP proofs, request signatures and single
 * use for real, and can lose requests and answers, or be away. Everything that concerns a TPM is tested against the real server.
 */
export async function startInventoryServer() {
  const calls: string[] = [];
  const faults = new Map<string, Fault[]>();
  const ceremonies = new Map<string, { code: string; thumbprint: string }>();
  const grants = new Map<string, { thumbprint: string; used: boolean; ceremonyId: string }>();
  const challenges = new Set<string>();
  const devices = new Map<string, { device: SelfDevice; spki: Buffer }>();
  const streams = new Set<ServerResponse>();
  const seenProofs = new Set<string>();
  let skewMs = 0;
  let grantMs = 600_000;
  let port = 0;
  let server = createServer();

  const origin = () => `http://127.0.0.1:${port}`;
  const later = (ms: number) => new Date(Date.now() + ms).toISOString();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    calls.push(route);
    const fault = faults.get(route)?.shift();
    if (fault === 'lose the request') return void request.socket.destroy();
    if (typeof fault === 'object' && 'code' in fault) return problem(response, fault.code);
    if (typeof fault === 'object') {
      response.writeHead(fault.status, { 'content-type': fault.type }).end(fault.body);
      return;
    }
    const text = await bodyOf(request);
    const result = await handle(route, request, text);
    if (fault === 'lose the answer') return void request.socket.destroy();
    if ('code' in result) return problem(response, result.code);
    if ('stream' in result) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.add(response);
      response.once('close', () => streams.delete(response));
      response.write(event(result.stream));
      return;
    }
    response.writeHead(result.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(result.body));
  }

  type Result = { code: ErrorCode } | { stream: SelfDevice } | { body: unknown; status?: number };

  async function handle(route: string, request: IncomingMessage, text: string): Promise<Result> {
    switch (route) {
      case 'GET /api/v1/server':
        return {
          body: {
            team: { slug: 'example', name: 'Example' },
            issuer: origin(),
            clientIds: { desktop: 'desktop', agent: 'agent' },
            signIn: { identityProvider: true, selfEnrolment: true, invites: true },
            demo: false,
            version: '0.0.0',
            time: new Date(Date.now() + skewMs).toISOString(),
          },
        };
      case 'POST /api/v1/ceremonies': {
        const id = randomUUID();
        const { keyThumbprint } = JSON.parse(text) as { keyThumbprint: string };
        ceremonies.set(id, { code: 'BCD-FGH', thumbprint: keyThumbprint });
        return { body: { id, code: 'BCD-FGH', expiresAt: later(600_000) } };
      }
      case 'POST /api/v1/grants': {
        const [scheme, token] = (request.headers.authorization ?? '').split(' ');
        if (scheme !== 'Bearer' || token !== PROVISIONING_TOKEN) return { code: 'provisioning-token-refused' };
        const thumbprint = await proofKey(request, token);
        const { ceremonyId } = JSON.parse(text) as { ceremonyId: string };
        const ceremony = ceremonies.get(ceremonyId);
        if (!ceremony) return { code: 'ceremony-expired' };
        if (ceremony.thumbprint !== thumbprint) return { code: 'proof-refused' };
        const grant = `muster_grant_${randomBytes(16).toString('hex')}`;
        grants.set(grant, { thumbprint, used: false, ceremonyId });
        const { code } = ceremony;
        return {
          body: {
            grant,
            expiresAt: later(grantMs),
            ceremony: { id: ceremonyId, code, expiresAt: later(600_000) },
            owner: null,
          },
        };
      }
      case 'POST /api/v1/challenges': {
        const refused = request.headers.signature ? await deviceOf(request, text) : await grantOf(request);
        if (typeof refused === 'string') return { code: refused };
        const challenge = randomBytes(32).toString('base64');
        challenges.add(challenge);
        return {
          body: { challenge, pcrs: { bank: 'sha256', indices: [0, 1, 2, 3, 4, 5, 6, 7] }, expiresAt: later(60_000) },
        };
      }
      case 'POST /api/v1/enrollments': {
        const grant = await grantOf(request);
        if (typeof grant === 'string') return { code: grant };
        const body = EnrollmentRequest.parse(JSON.parse(text));
        if (body.kind !== 'claim') return { code: 'invalid-request' };
        if (!challenges.delete(body.challenge)) return { code: 'challenge-refused' };
        grant.used = true;
        const spki = Buffer.from(body.deviceKey.spki, 'base64');
        const serial = 'value' in body.machine.serial ? body.machine.serial.value : '';
        const device = aDevice({
          permanentIdentifier: serial,
          name: body.machine.hostName,
          ekClass: 'absent',
          attestation: 'none',
        });
        devices.set(thumbprintOfSpki(spki), { device, spki });
        return { body: device, status: 201 };
      }
      case 'GET /api/v1/self': {
        const found = await deviceOf(request, text);
        return typeof found === 'string' ? { code: found } : { body: found.device };
      }
      case 'GET /api/v1/self/events': {
        const found = await deviceOf(request, text);
        return typeof found === 'string' ? { code: found } : { stream: found.device };
      }
      case 'DELETE /api/v1/self': {
        const found = await deviceOf(request, text);
        if (typeof found === 'string') return { code: found };
        devices.delete(thumbprintOfSpki(found.spki));
        return { body: null };
      }
      default:
        return { code: 'not-found' };
    }
  }

  async function proofKey(request: IncomingMessage, token: string): Promise<string> {
    const { payload, protectedHeader } = await jwtVerify(String(request.headers.dpop), EmbeddedJWK, {
      typ: 'dpop+jwt',
    });
    const expected = { htm: request.method, htu: `${origin()}${request.url}`, ath: hash(token) };
    for (const [name, value] of Object.entries(expected)) {
      if (payload[name] !== value) throw new Error(`the proof has another ${name}`);
    }
    if (seenProofs.has(String(payload.jti))) throw new Error('the proof was used before');
    seenProofs.add(String(payload.jti));
    return calculateJwkThumbprint(protectedHeader.jwk as JWK);
  }

  async function grantOf(request: IncomingMessage) {
    const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
    const grant = grants.get(token);
    if (scheme !== 'DPoP' || !grant) return 'unauthenticated';
    if ((await proofKey(request, token)) !== grant.thumbprint) return 'proof-refused';
    return grant.used ? 'grant-used' : grant;
  }

  async function deviceOf(request: IncomingMessage, text: string) {
    const keyId = /keyid="([^"]+)"/.exec(String(request.headers['signature-input']))?.[1] ?? '';
    const found = devices.get(keyId);
    if (!found) return 'unauthenticated';
    const key = createPublicKey({ key: found.spki, format: 'der', type: 'spki' });
    const verified = await httpbis.verifyMessage(
      {
        requiredParams: ['created', 'nonce', 'keyid', 'alg'],
        requiredFields: ['@method', '@target-uri', ...(text === '' ? [] : ['content-digest'])],
        maxAge: 300,
        keyLookup: async () => ({
          algs: ['ecdsa-p256-sha256'],
          verify: async (data, signature) => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
        }),
      },
      { method: String(request.method), url: `${origin()}${request.url}`, headers: headersOf(request) },
    );
    return verified ? found : 'proof-refused';
  }

  async function listen(): Promise<void> {
    server = createServer((request, response) => {
      answer(request, response).catch(() => problem(response, 'proof-refused'));
    });
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
    port = (server.address() as AddressInfo).port;
  }

  async function stop(): Promise<void> {
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  }

  await listen();
  return {
    origin: origin(),
    calls,
    devices,
    /** The next request of this route suffers `fault`; several queue up. */
    fail: (route: string, fault: Fault) => faults.set(route, [...(faults.get(route) ?? []), fault]),
    /** Nothing listens on the port until `start`. State is kept, as in a server that was killed. */
    stop,
    start: listen,
    streams,
    setSkew: (ms: number) => {
      skewMs = ms;
    },
    setGrantLifetime: (ms: number) => {
      grantMs = ms;
    },
    forgetGrants: () => grants.clear(),
    change(patch: Partial<SelfDevice>) {
      for (const [key, entry] of devices) {
        const device = { ...entry.device, ...patch, version: entry.device.version + 1 };
        devices.set(key, { ...entry, device });
        for (const stream of streams) stream.write(event(device));
      }
    },
  };
}
export type InventoryServer = Awaited<ReturnType<typeof startInventoryServer>>;

const hash = (text: string) => createHash('sha256').update(text).digest('base64url');
const event = (device: SelfDevice) => `event: device\ndata: ${JSON.stringify({ type: 'device', device })}\n\n`;

function problem(response: ServerResponse, code: ErrorCode): void {
  const [status, title, advice] = ERRORS[code];
  const body = { type: `urn:muster:${code}`, title, status, detail: title, advice, instance: 'request-1', code };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}
