import { z } from 'zod';
import { ErrorCode, Problem } from '../contract/index.ts';
import { dpopProof, type GrantKey } from './dpop.ts';
import { AppError, toAppError } from './errors.ts';
import type { Clock, Fetch, PlainAnswer, PlainBody, PlainInit, PlainRequest } from './ports.ts';
import { assertSecure } from './serverUrl.ts';
import { type DeviceSigner, signRequest } from './signature.ts';

/** How a request proves who sends it. None is a bearer secret, except IT's provisioning token, which a proof accompanies. */
export type Credential =
  | { kind: 'none' }
  | { kind: 'dpop'; key: GrantKey; token: string }
  | { kind: 'provisioning-token'; key: GrantKey; token: string }
  | { kind: 'device'; signer: DeviceSigner };

export type Call<T> = {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: unknown;
  credential?: Credential;
  /** What the answer must be; `null` where the answer has no body. */
  answer: z.ZodType<T> | null;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
};

export type Http = {
  origin: string;
  json<T>(call: Call<T>): Promise<T>;
  /** The open answer of an event stream, after the same checks as for JSON. */
  stream(path: string, credential: Credential, signal: AbortSignal): Promise<PlainBody>;
};

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Speaks to one server, and only to it: no redirects, https except on loopback, every answer checked against its schema. */
export function createHttp(origin: string, ports: { fetch: Fetch; request?: PlainRequest; clock: Clock }): Http {
  const request: PlainRequest = ports.request ?? ports.fetch;
  async function send(call: Omit<Call<unknown>, 'answer'>, accept: string): Promise<PlainAnswer> {
    const url = new URL(call.path, `${origin}/`);
    assertSecure(url);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const what = { method: call.method, url, body };
    let response = await once(undefined);
    const nonce = response.headers.get('dpop-nonce');
    if (response.status === 401 && nonce !== null && usesProof(call.credential)) {
      await response.body?.cancel();
      response = await once(nonce);
    }
    if (response.ok) return response;
    throw await refusal(response, origin);

    async function once(proofNonce: string | undefined): Promise<PlainAnswer> {
      const headers = {
        accept,
        ...(what.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(await credentialHeaders(call.credential ?? { kind: 'none' }, what, ports.clock.now(), proofNonce)),
      };
      const init: PlainInit = { method: what.method, headers, redirect: 'manual', cache: 'no-store' };
      if (what.body !== undefined) init.body = what.body;
      if (call.signal) init.signal = call.signal;
      try {
        return await request(what.url.href, init);
      } catch (error) {
        // Electron's net.fetch fails where Node's answers 302: a redirect is never ours either way.
        if (error instanceof Error && /redirect was cancelled/i.test(error.message)) throw captivePortal(what.url.host);
        throw error;
      }
    }
  }

  return {
    origin,
    async json(call) {
      const timeout = AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS);
      const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout;
      try {
        const response = await send({ ...call, signal }, 'application/json');
        if (call.answer === null) {
          await response.body?.cancel();
          return undefined as never;
        }
        return parse(call.answer, await limitedText(response), response, origin);
      } catch (error) {
        call.signal?.throwIfAborted();
        throw toAppError(error);
      }
    },
    async stream(path, credential, signal) {
      const response = await send({ method: 'GET', path, credential, signal }, 'text/event-stream');
      if (!response.body || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
        await response.body?.cancel();
        // A portal's page passes once the person has signed in to the network; another answer would stay.
        throw looksLikePage(response, '') ? captivePortal(new URL(origin).host) : notMuster(origin);
      }
      return response.body;
    },
  };
}

const usesProof = (credential: Credential | undefined) =>
  credential?.kind === 'dpop' || credential?.kind === 'provisioning-token';

async function credentialHeaders(
  credential: Credential,
  request: { method: string; url: URL; body: string | undefined },
  now: Date,
  nonce: string | undefined,
): Promise<Record<string, string>> {
  switch (credential.kind) {
    case 'none':
      return {};
    case 'dpop':
    case 'provisioning-token': {
      const { key, token } = credential;
      const scheme = credential.kind === 'dpop' ? 'DPoP' : 'Bearer';
      return {
        authorization: `${scheme} ${token}`,
        dpop: await dpopProof(key, { method: request.method, url: request.url, token, nonce, now }),
      };
    }
    case 'device':
      return signRequest(credential.signer, { ...request, now });
    default:
      throw credential satisfies never;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, response: PlainAnswer, origin: string): T {
  if (looksLikePage(response, text)) throw captivePortal(new URL(origin).host);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notMuster(origin);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw notMuster(origin, parsed.error.issues[0]);
  return parsed.data;
}

async function limitedText(response: PlainAnswer): Promise<string> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new AppError('server-not-muster', 'The answer of the server is far too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Errors of the attestation endpoints: Smallstep's form, with our code beside the message. */
const SmallstepProblem = z.object({ message: z.string(), code: ErrorCode.optional() });

async function refusal(response: PlainAnswer, origin: string): Promise<AppError> {
  const host = new URL(origin).host;
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
    await response.body?.cancel();
    return captivePortal(host);
  }
  if (response.status === 511) return captivePortal(host);
  const text = await limitedText(response);
  const value = jsonOrUndefined(text);
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  const problem = Problem.safeParse(value);
  if (problem.success) {
    const { code, detail, advice, instance } = problem.data;
    return new AppError(code, detail, { advice, correlationId: instance, retryAfterMs });
  }
  const plain = SmallstepProblem.safeParse(value);
  if (plain.success && plain.data.code) {
    const correlationId = response.headers.get('x-request-id') ?? undefined;
    return new AppError(plain.data.code, plain.data.message, { correlationId, retryAfterMs });
  }
  if (looksLikePage(response, text) && response.status < 500) return captivePortal(host);
  if (response.status === 429) return new AppError('rate-limited', 'The server asks to wait.', { retryAfterMs });
  if (response.status >= 500) {
    return new AppError('unavailable', `The server answered with status ${response.status}.`, { retryAfterMs });
  }
  return notMuster(origin);
}

function retryAfter(header: string | null): number | undefined {
  const seconds = Number(header);
  return header !== null && Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1000 : undefined;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function looksLikePage(response: PlainAnswer, text: string): boolean {
  return (response.headers.get('content-type') ?? '').startsWith('text/html') || /^\s*<(!doctype|html)/i.test(text);
}

function captivePortal(host: string): AppError {
  return new AppError('captive-portal', `Something between this machine and ${host} answered in its place.`);
}

function notMuster(origin: string, issue?: { path: PropertyKey[]; message: string }): AppError {
  const where = issue ? ` (${issue.path.map(String).join('.') || 'answer'}: ${issue.message})` : '';
  return new AppError('server-not-muster', `${origin} gave an answer that Muster does not know${where}.`);
}
