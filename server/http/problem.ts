import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AttestationError } from '../../attestation/index.ts';
import { ERRORS, type ErrorCode, type Problem } from '../../contract/index.ts';
import { contractCodeOf } from '../attestation/errorCodes.ts';
import { isErrorCode, ServerError } from '../error.ts';

/** The problem document (RFC 9457) of an error. `type` resolves to the list of codes on this server. */
export function problemOf(origin: string, code: ErrorCode, detail: string, instance: string): Problem {
  const [status, title, advice] = ERRORS[code];
  return { type: `${origin}/api/problems#${code}`, title, status, detail, advice, instance, code };
}

type Refusal = {
  code: ErrorCode;
  detail: string;
  errors?: Problem['errors'] | undefined;
  headers: Record<string, string>;
};

/** What any thrown value means to a caller: its own code, or `internal` without a word of the cause. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ServerError && isErrorCode(error.code)) {
    return { code: error.code, detail: error.message, errors: error.errors, headers: error.headers };
  }
  if (error instanceof AttestationError)
    return { code: contractCodeOf(error.code), detail: error.message, headers: {} };
  return frameworkRefusal(error as FastifyError) ?? { code: 'internal', detail: ERRORS.internal[1], headers: {} };
}

function frameworkRefusal(error: FastifyError): Refusal | undefined {
  const of = (code: ErrorCode, errors?: Problem['errors']): Refusal => ({
    code,
    detail: ERRORS[code][1],
    errors,
    headers: {},
  });
  if (error?.validation) {
    const part = error.validationContext === 'body' ? '' : `/${error.validationContext ?? ''}`;
    const errors = error.validation
      .slice(0, 20)
      .map((fault) => ({ pointer: `#${part}${fault.instancePath}`, detail: fault.message ?? 'is not valid' }));
    return of('invalid-request', errors);
  }
  if (error?.code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError)
    return { ...of('invalid-request'), detail: 'The body of the request is not JSON that can be read.' };
  if (error?.code === 'FST_ERR_BAD_URL')
    return { ...of('invalid-request'), detail: 'The address is not percent-encoded correctly.' };
  switch (error?.statusCode) {
    case 413:
      return of('too-large');
    case 414:
      return of('too-large');
    case 415:
      return of('unsupported-media-type');
    case 429:
      return of('rate-limited');
    case 404:
      return of('not-found');
    case undefined:
      return undefined;
    default:
      return error.statusCode < 500 && error.statusCode >= 400 ? of('invalid-request') : undefined;
  }
}

export function sendProblem(
  origin: string,
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
  extra: Record<string, unknown> = {},
): FastifyReply {
  const problem = problemOf(origin, refusal.code, refusal.detail, request.id);
  const errors = refusal.errors ? { errors: refusal.errors } : {};
  return reply
    .code(problem.status)
    .headers(refusal.headers)
    .type('application/problem+json')
    .send(JSON.stringify({ ...problem, ...errors, ...extra }));
}
