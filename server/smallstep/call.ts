import type { FastifyRequest } from 'fastify';
import type { Scope } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
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

export type RouteTable = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  versions: readonly ApiVersion[];
  scope: Scope;
  handler: (call: Call) => Promise<Answer>;
}[];
