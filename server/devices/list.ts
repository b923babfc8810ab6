import { sql } from 'kysely';
import type { z } from 'zod';
import type { DevicePage, DeviceQuery } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
import { readCursor, writeCursor } from '../store/cursor.ts';
import { findUserByEmail } from '../store/users.ts';
import { viewsOf } from './view.ts';

export type Query = z.infer<typeof DeviceQuery>;

/** A page of devices, newest first. Keyset on (created_at, id): a page costs the same wherever it stands. */
export async function listDevices(context: Context, query: Query): Promise<DevicePage> {
  const { db } = context.store;
  const { limit, cursor, ...filters } = query;
  const belongsTo = JSON.stringify(filters);
  let select = db
    .selectFrom('devices')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (query.approval) select = select.where('approval', '=', query.approval);
  // Removed devices are tombstones: shown where they are asked for.
  select = query.lifecycle
    ? select.where('lifecycle', '=', query.lifecycle)
    : select.where('lifecycle', '!=', 'deleted');
  if (query.source) select = select.where('source', '=', query.source);
  if (query.owner) {
    const owner = await findUserByEmail(db, query.owner);
    select = select.where('owner_id', '=', owner?.id ?? '');
  }
  if (query.search) {
    const pattern = `%${query.search.toLowerCase().replace(/[\\%_]/g, (character) => `\\${character}`)}%`;
    select = select.where(sql<boolean>`search like ${pattern} escape '\\'`);
  }
  if (cursor) {
    const { at, id } = readCursor(context.cursorKey, cursor, belongsTo);
    select = select.where(sql<boolean>`(created_at, id) < (${at}, ${id})`);
  }
  const rows = await select.execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const settings = await context.settings();
  const devices = await viewsOf(db, page, { settings, demo: context.demo, now: context.now() });
  const next =
    rows.length > limit && last
      ? writeCursor(context.cursorKey, { at: last.created_at, id: last.id }, belongsTo)
      : null;
  return { devices, next };
}
