import type { FastifyRequest } from 'fastify';
import type { ErrorCode } from '../../contract/index.ts';
import { isErrorCode, ServerError } from '../error.ts';
import { audit } from '../store/audit.ts';
import { pathOf } from './access.ts';
import { type App, actorOf, type Context } from './context.ts';

const PREFIX = '/api/v1/';

/** Answers to a request that is faulty or comes at a bad time: not decisions of the inventory. */
const FAULTS: readonly ErrorCode[] = [
  'invalid-request',
  'unauthenticated',
  'not-found',
  'version-required',
  'too-large',
  'unsupported-media-type',
  'rate-limited',
  'internal',
  'unavailable',
];

/** What the last but one part of a path names. */
const SUBJECTS: Record<string, string> = {
  devices: 'device',
  candidates: 'device',
  conflicts: 'conflict',
  people: 'person',
  invites: 'invite',
  tokens: 'token',
  'provisioning-tokens': 'provisioning-token',
  roots: 'roots',
};

function subjectOf(request: FastifyRequest): { type: string; id: string } {
  const [collection = '', id] = pathOf(request).slice(PREFIX.length).split('/');
  const type = SUBJECTS[collection];
  return type !== undefined && id !== undefined
    ? { type, id: id.slice(0, 128) }
    : { type: 'route', id: `${request.method} ${request.routeOptions.url ?? ''}` };
}

/**
 * Writes an audit record where a known caller wanted to change something and was refused, on every route of Muster's own API at once. What
 * was recorded where it was refused, with more to say, is not recorded twice.
 */
export function recordRefusals(app: App, { store, now }: Pick<Context, 'store' | 'now'>): void {
  app.addHook('onError', async (request, _reply, error: unknown) => {
    const { principal } = request;
    if (principal?.kind !== 'administrator' && principal?.kind !== 'token') return;
    if (['GET', 'HEAD'].includes(request.method) || !request.url.startsWith(PREFIX)) return;
    if (!(error instanceof ServerError) || error.recorded || !isErrorCode(error.code)) return;
    const { code } = error;
    if (FAULTS.includes(code)) return;
    await store.write((trx) =>
      audit(trx, now(), {
        actor: actorOf(request),
        action: 'request.refused',
        subject: subjectOf(request),
        outcome: 'refused',
        code,
        after: { request: `${request.method} ${request.routeOptions.url ?? ''}` },
        requestId: request.id,
      }),
    );
  });
}
