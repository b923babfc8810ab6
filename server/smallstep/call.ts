import type { FastifyRequest } from 'fastify';
import type { Scope } from '../../contract/index.ts';
import { type Context, DECIDERS } from '../http/context.ts';
import type { Actor } from '../store/audit.ts';
import type { Trx } from '../store/store.ts';
import type { ApiVersion } from './version.ts';

export type Answer = { status?: 200 | 201 | 204; body?: unknown; headers?: Record<string, string> };

/** What a handler of the compatible API works with. */
export type Call = {
  context: Context;
  version: ApiVersion;
  request: FastifyRequest;
  /** The request target as it was sent. */
  url: string;
  param: (name: string) => string;
  by: { actor: Actor; requestId: string };
  /** One transaction; streams wake after it. */
  write: <T>(work: (trx: Trx) => Promise<T>) => Promise<T>;
};

/** Whether the caller may take decisions back as well as add: by the scope of its token, or the role of its session. */
export function mayDecide({ request: { principal } }: Call): boolean {
  switch (principal.kind) {
    case 'token':
      return principal.scopes.includes('devices:decide');
    case 'administrator':
      return DECIDERS.includes(principal.role);
    case 'anonymous':
    case 'device':
    case 'grant':
      return false;
    default:
      return principal satisfies never;
  }
}

export type RouteTable = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  versions: readonly ApiVersion[];
  scope: Scope;
  handler: (call: Call) => Promise<Answer>;
}[];
