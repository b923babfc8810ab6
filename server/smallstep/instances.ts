import { type SelectQueryBuilder, sql } from 'kysely';
import type { Tables } from '../store/schema.ts';
import type { Call } from './call.ts';
import type { Position } from './cursor.ts';

/** An instance as every collection answers it. */
export type Instance = { id: string; data: unknown; createdAt: string; updatedAt: string };

/** How a collection keeps its instances. `data` is JSON text. */
export type Instances = {
  page(call: Call, slug: string, first: number, after: Position | null): Promise<InstancePage>;
  /** Errors: 404. */
  get(call: Call, slug: string, id: string): Promise<Instance>;
  put(call: Call, slug: string, id: string, data: string): Promise<Instance>;
  /** Removing what is not there is done already: the documents list no 404. */
  remove(call: Call, slug: string, id: string): Promise<void>;
};
export type InstancePage = { instances: Instance[]; next: Position | null };

export const instant = (at: number): string => new Date(Number(at)).toISOString();

/** A page of instances, oldest first by (created_at, id), by keyset. */
export async function oldestPage<T extends keyof Tables, Row extends { created_at: number; id: string }>(
  query: SelectQueryBuilder<Tables, T, Row>,
  first: number,
  after: Position | null,
): Promise<{ rows: Row[]; next: Position | null }> {
  let select = query
    .orderBy(sql`created_at`)
    .orderBy(sql`id`)
    .limit(first + 1);
  if (after) select = select.where(sql<boolean>`(created_at, id) > (${Number(after.value)}, ${after.id})`);
  const rows = (await select.execute()) as Row[];
  const last = rows[first - 1];
  if (rows.length <= first || !last) return { rows, next: null };
  return { rows: rows.slice(0, first), next: { value: Number(last.created_at), id: last.id } };
}
