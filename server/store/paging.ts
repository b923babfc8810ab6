import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Position } from './cursor.ts';
import type { Tables } from './schema.ts';
import type { Db } from './store.ts';

/**
 * Rows that one page of a filtered list looks at, where no index leads to those that match. A filter that hits almost nothing must not read
 * a whole inventory for one page: the page then ends short (empty, even) with a cursor to go on from.
 */
export const SCANNED = 10_000;

export type Page<Row> = { rows: Row[]; next: Position | null };

const below = (place: Position): Expression<SqlBool> => sql<SqlBool>`(created_at, id) < (${place.at}, ${place.id})`;
const downTo = (place: Position): Expression<SqlBool> => sql<SqlBool>`(created_at, id) >= (${place.at}, ${place.id})`;

/**
 * A page of a list, newest first by (created_at, id). By keyset, never by offset: it costs the same wherever it stands. `scan` names the
 * table where the filters of `query` have no index.
 */
export async function newestPage<T extends keyof Tables, Row extends { created_at: number; id: string }>(
  db: Db,
  query: SelectQueryBuilder<Tables, T, Row>,
  { after, limit, scan }: { after: Position | null; limit: number; scan?: 'devices' | 'users' | undefined },
): Promise<Page<Row>> {
  const edge = scan === undefined ? null : await edgeOf(db, scan, after);
  let select = query
    .orderBy(sql`created_at`, 'desc')
    .orderBy(sql`id`, 'desc')
    .limit(limit + 1);
  if (after) select = select.where(below(after));
  if (edge) select = select.where(downTo(edge));
  const rows = (await select.execute()) as Row[];
  const last = rows[limit - 1];
  if (rows.length <= limit || !last) return { rows, next: edge };
  return { rows: rows.slice(0, limit), next: { at: Number(last.created_at), id: last.id } };
}

/** The last row that a page may look at; null where the list ends before. Read from the index alone. */
async function edgeOf(db: Db, table: 'devices' | 'users', after: Position | null): Promise<Position | null> {
  const row = await db
    .selectFrom(table)
    .select(['created_at as at', 'id'])
    .$if(after !== null, (query) => query.where(below(after as Position)))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(SCANNED - 1)
    .limit(1)
    .executeTakeFirst();
  return row ? { at: Number(row.at), id: row.id } : null;
}
