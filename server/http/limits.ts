import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { refuse } from '../error.ts';
import type { Access, App } from './context.ts';

/** Requests a minute of one signed-in caller. */
const PER_CALLER = 3000;
/** Failed sign-ins with tokens or cookies a minute from one address. */
const FAILURES = 60;

export type Limits = {
  /** Counts a call of a stranger by address and route, before anything expensive is done for it. */
  stranger(request: FastifyRequest, access: Access): Promise<void>;
  caller(request: FastifyRequest, id: string): Promise<void>;
  failure(request: FastifyRequest): Promise<void>;
};

/** Buckets in memory, of one process. `factor` scales every limit; load tests raise it. */
export async function createLimits(app: App, factor: number): Promise<Limits> {
  await app.register(rateLimit, { global: false });
  const keys = new WeakMap<FastifyRequest, { key: string; max: number }>();
  const check = app.createRateLimit({
    timeWindow: 60_000,
    keyGenerator: (request) => keys.get(request)?.key ?? request.ip,
    max: (request) => keys.get(request)?.max ?? PER_CALLER,
  });
  const count = async (request: FastifyRequest, key: string, max: number): Promise<void> => {
    keys.set(request, { key, max: Math.ceil(max * factor) });
    const result = await check(request);
    if (!result.isAllowed && result.isExceeded) {
      refuse('rate-limited', undefined, {
        headers: {
          'retry-after': String(Math.max(1, result.ttlInSeconds)),
          ratelimit: `limit=${result.max}, remaining=0, reset=${result.ttlInSeconds}`,
          'ratelimit-policy': `${result.max};w=60`,
        },
      });
    }
  };
  return {
    stranger: async (request, access) => {
      if (access.kind !== 'public' && access.kind !== 'grant') return;
      await count(request, `${request.ip} ${request.method} ${request.routeOptions.url ?? ''}`, access.perMinute);
    },
    caller: (request, id) => count(request, `caller ${id}`, PER_CALLER),
    failure: (request) => count(request, `failure ${request.ip}`, FAILURES),
  };
}
