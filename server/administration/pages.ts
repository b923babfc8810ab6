import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SelectQueryBuilder } from 'kysely';
import type { Context } from '../http/context.ts';
import { readCursor, writeCursor } from '../store/cursor.ts';
import { newestPage } from '../store/paging.ts';
import type { Tables } from '../store/schema.ts';

type Listed = FastifyRequest<{ Querystring: { limit: number; cursor?: string | undefined } }>;

/**
 * The page of a list that a request asks for, newest first; says in `Link` where the next one begins. `name` says which list, with which
 * filters, a cursor belongs to; `scan` names the table where the filters of `query` have no index. Error: `invalid-request`.
 */
export async function listPage<T extends keyof Tables, Row extends { created_at: number; id: string }>(
  context: Context,
  request: Listed,
  reply: FastifyReply,
  name: string,
  query: SelectQueryBuilder<Tables, T, Row>,
  scan?: 'users',
): Promise<{ rows: Row[]; next: string | null }> {
  const { limit, cursor } = request.query;
  const after = cursor === undefined ? null : readCursor(context.cursorKey, cursor, name);
  const page = await newestPage(context.store.db, query, { after, limit, scan });
  if (page.next === null) return { rows: page.rows, next: null };
  const next = writeCursor(context.cursorKey, page.next, name);
  const url = new URL(request.url, context.origin);
  url.searchParams.set('cursor', next);
  reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
  return { rows: page.rows, next };
}

export const time = (at: number): string => new Date(Number(at)).toISOString();
export const timeOrNull = (at: number | null): string | null => (at === null ? null : time(at));

const escaped = (text: string): string => text.replace(/[\\%_]/g, (character) => `\\${character}`);
/** Patterns for `like … escape '\'` that take the text as it is. */
export const containing = (text: string): string => `%${escaped(text)}%`;
export const beginningWith = (text: string): string => `${escaped(text)}%`;
