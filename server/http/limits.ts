import { isIPv6 } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { refuse } from '../error.ts';
import type { Access, App } from './context.ts';

/** Requests a minute of one signed-in caller. */
const PER_CALLER = 3000;
/** Failed sign-ins with tokens or cookies a minute from one address. */
const FAILURES = 60;

/** Requests a minute that are looked at of one replaced key: enough to see that it still signs. */
const REPLACED = 6;

/** Buckets kept at most; the least recently used goes first, so that strangers in numbers cannot grow the memory. */
const BUCKETS = 50_000;

/** Who is counted: an IPv4 address, or the /64 network of an IPv6 address, since one subscriber has all 2^64 addresses of it. */
export function subscriberOf(address: string): string {
  if (!isIPv6(address) || /^::ffff:/i.test(address)) return address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

export type Limits = {
  /** Counts a call of a stranger by address and route, before anything expensive is done for it. */
  stranger(request: FastifyRequest, access: Access): Promise<void>;
  /** Counts a call of a known caller, and, where the route has a limit of its own, by route too. */
  caller(request: FastifyRequest, id: string, access: Access): Promise<void>;
  failure(request: FastifyRequest): Promise<void>;
  /** Counts what a known caller asked for without the right to it. */
  forbidden(request: FastifyRequest, id: string): Promise<void>;
  /** Counts a request that was signed with a key which a later enrolment replaced. */
  replacedKey(request: FastifyRequest, thumbprint: string): Promise<void>;
};

/** Buckets in memory, of one process. `factor` scales every limit; load tests raise it. */
export async function createLimits(app: App, factor: number): Promise<Limits> {
  await app.register(rateLimit, { global: false });
  const keys = new WeakMap<FastifyRequest, { key: string; max: number }>();
  const options = {
    // The plugin reads it here, and nowhere else for a limit of this kind; its types do not know.
    cache: BUCKETS,
    timeWindow: 60_000,
    keyGenerator: (request: FastifyRequest) => keys.get(request)?.key ?? request.ip,
    max: (request: FastifyRequest) => keys.get(request)?.max ?? PER_CALLER,
  };
  const check = app.createRateLimit(options);
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
      const route = `${request.method} ${request.routeOptions.url ?? ''}`;
      await count(request, `${subscriberOf(request.ip)} ${route}`, access.perMinute);
    },
    caller: async (request, id, access) => {
      await count(request, `caller ${id}`, PER_CALLER);
      if (access.kind !== 'device' || access.perMinute === undefined) return;
      await count(request, `caller ${id} ${request.method} ${request.routeOptions.url ?? ''}`, access.perMinute);
    },
    failure: (request) => count(request, `failure ${subscriberOf(request.ip)}`, FAILURES),
    forbidden: (request, id) => count(request, `forbidden ${id}`, FAILURES),
    replacedKey: (request, thumbprint) => count(request, `replaced ${thumbprint}`, REPLACED),
  };
}
