import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../http/context.ts';
import { type Position, readCursor, writeCursor } from '../store/cursor.ts';

export type PageRequest = { limit: number; cursor?: string | undefined };
type Placed = { created_at: number; id: string };

/** Where the page begins; `name` says which list (and filters) a cursor belongs to. Error: `invalid-request`. */
export function startOf(context: Context, query: PageRequest, name: string): Position | null {
  return query.cursor === undefined ? null : readCursor(context.cursorKey, query.cursor, name);
}

/** Cuts the one row too many that was read, and says in body and `Link` where the next page begins. */
export function endPage<T extends Placed>(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly T[],
  limit: number,
  name: string,
): { page: T[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length <= limit || !last) return { page, next: null };
  const next = writeCursor(context.cursorKey, { at: Number(last.created_at), id: last.id }, name);
  const url = new URL(request.url, context.origin);
  url.searchParams.set('cursor', next);
  reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
  return { page, next };
}

export const time = (at: number): string => new Date(Number(at)).toISOString();
export const timeOrNull = (at: number | null): string | null => (at === null ? null : time(at));

const escaped = (text: string): string => text.replace(/[\\%_]/g, (character) => `\\${character}`);
/** Patterns for `like … escape '\'` that take the text as it is. */
export const containing = (text: string): string => `%${escaped(text)}%`;
export const beginningWith = (text: string): string => `${escaped(text)}%`;
