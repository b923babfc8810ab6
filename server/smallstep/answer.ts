import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../../contract/index.ts';
import { isErrorCode, ServerError } from '../error.ts';
import { refusalOf } from '../http/problem.ts';
import { SmallstepRefusal } from './refusal.ts';
import { echoedVersion } from './version.ts';

/** Whether a request target lies on the compatible mount rather than on Muster's own API. */
export function isCompatible(url: string | undefined): boolean {
  // A proxy may be asked for the whole address (RFC 9112 section 3.2.2).
  const path = (url ?? '').replace(/^https?:\/\/[^/]*/i, '');
  return /^\/api(?:[/?]|$)/.test(path) && !/^\/api\/(?:v\d+|openapi\.json|problems)(?:[/?]|$)/.test(path);
}

/** Status and sentence of any thrown value. */
function answerTo(error: unknown): { status: number; message: string; headers: Record<string, string> } {
  if (error instanceof SmallstepRefusal) return { status: error.status, message: error.message, headers: {} };
  const refusal = refusalOf(error);
  const [status, , advice] = ERRORS[refusal.code];
  const own = error instanceof ServerError && isErrorCode(error.code);
  return { status, message: own ? `${refusal.detail} ${advice}` : refusal.detail, headers: refusal.headers };
}

/** Any error as the compatible API answers it: `{ "message" }`, never a problem document. */
export function sendCompatible(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const { status, message, headers } = answerTo(error);
  if (status >= 500) request.log.error({ err: error }, 'the compatible API failed');
  return reply
    .code(status)
    .headers({ ...headers, 'x-smallstep-api-version': versionToEcho(request) })
    .type('application/json')
    .send(JSON.stringify({ message }));
}

export function versionToEcho(request: FastifyRequest): string {
  const { smallstepVersions: served } = request.routeOptions.config;
  return echoedVersion(first(request.headers['x-smallstep-api-version']), request.headers.accept, served);
}

export const first = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
