import { type SelectQueryBuilder, sql } from 'kysely';
import type { z } from 'zod';
import type { DevicePage, DeviceQuery } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
import { type Position, readCursor, writeCursor } from '../store/cursor.ts';
import { newestPage, type Page, SCANNED } from '../store/paging.ts';
import type { DeviceRow, Tables } from '../store/schema.ts';
import { likePattern, type SearchTerm, searchNumbers, searchTerms } from '../store/search.ts';
import type { Db } from '../store/store.ts';
import { findUserByEmail } from '../store/users.ts';
import { viewsOf } from './view.ts';

export type Query = z.infer<typeof DeviceQuery>;
/** Rows of one look after the first, where other filters leave few of what a search finds. */
const BATCH = 5000;

type Devices = SelectQueryBuilder<Tables, 'devices', DeviceRow>;

/** A page of devices, newest first, by keyset: a page costs the same wherever it stands, and in an inventory of any size. */
export async function listDevices(context: Context, query: Query): Promise<DevicePage> {
  const { db } = context.store;
  const { limit, cursor, ...filters } = query;
  const belongsTo = JSON.stringify(filters);
  const after = cursor ? readCursor(context.cursorKey, cursor, belongsTo) : null;
  const select = await filtered(db, query);
  const terms = searchTerms(query.search ?? '');
  const { rows, next } =
    terms.length === 0
      ? await newestPage(db, select, { after, limit, scan: hasIndex(query) ? undefined : 'devices' })
      : await searchPage(db, select, terms, { after, limit });
  const settings = await context.settings();
  const devices = await viewsOf(db, rows, { settings, demo: context.demo, now: context.now() });
  return { devices, next: next === null ? null : writeCursor(context.cursorKey, next, belongsTo) };
}

async function filtered(db: Db, query: Query): Promise<Devices> {
  let select = db.selectFrom('devices').selectAll() as Devices;
  // Removed devices are tombstones: shown where they are asked for.
  select = query.lifecycle
    ? select.where('lifecycle', '=', query.lifecycle)
    : select.where(sql<boolean>`lifecycle <> 'deleted'`);
  if (query.approval) select = select.where('approval', '=', query.approval);
  if (query.source) select = select.where('source', '=', query.source);
  if (query.owner) {
    const owner = await findUserByEmail(db, query.owner);
    select = select.where('owner_id', '=', owner?.id ?? '');
  }
  if (query.tag) select = select.where(hasTag(query.tag));
  return select;
}

/** In JSON every quote inside a tag is escaped, so an element between commas is a tag as a whole. Unlike `like`, it minds the case. */
function hasTag(tag: string) {
  const elements = sql`(',' || substr(tags, 2, length(tags) - 2) || ',')`;
  return sql<boolean>`replace(${elements}, ${`,${JSON.stringify(tag)},`}, '') <> ${elements}`;
}

/** Whether an index leads to what the filters ask for; the devices of one person are few. */
const hasIndex = ({ lifecycle, approval, source, owner, tag }: Query): boolean =>
  owner !== undefined ||
  (tag === undefined && (lifecycle === undefined || (approval === undefined && source === undefined)));

/** A page of what a search finds; its position is the device's number, which rises with each device as the time does. */
async function searchPage(
  db: Db,
  select: Devices,
  terms: readonly SearchTerm[],
  { after, limit }: { after: Position | null; limit: number },
): Promise<Page<DeviceRow>> {
  const literal = terms.reduce(
    (query, term) => query.where(sql<boolean>`search like ${likePattern(term)} escape '\\'`),
    select,
  );
  const rows: DeviceRow[] = [];
  let before = after?.at ?? Number.MAX_SAFE_INTEGER;
  for (let looked = 0, batch = limit + 1; looked < SCANNED; looked += batch, batch = BATCH) {
    const numbers = await searchNumbers(db, terms, { before, limit: batch });
    const last = numbers.at(-1);
    if (last !== undefined) {
      // As long each time, so that one prepared statement serves all.
      const padded = [...numbers, ...Array<number>(batch - numbers.length).fill(last)];
      const found = await literal.where('number', 'in', padded).execute();
      rows.push(...found.sort((a, b) => b.number - a.number));
    }
    const end = rows[limit - 1];
    if (rows.length > limit && end) return { rows: rows.slice(0, limit), next: { at: end.number, id: end.id } };
    if (last === undefined || numbers.length < batch) return { rows, next: null };
    before = last;
  }
  return { rows, next: { at: before, id: '' } };
}
