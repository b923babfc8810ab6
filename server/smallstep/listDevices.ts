import { type Expression, type ExpressionBuilder, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { TeamSettings } from '../../contract/index.ts';
import { SCANNED } from '../store/paging.ts';
import type { DeviceRow, Tables } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import type { Position } from './cursor.ts';
import { isHighAssurance } from './highAssurance.ts';
import type { DeviceFilters, DeviceSort } from './query.ts';

const DAY_MS = 86_400_000;

type View = { settings: TeamSettings; demo: boolean; now: number };
type Page = { devices: DeviceRow[]; next: Position | null };

const sortKey = (sort: DeviceSort, device: DeviceRow): string | number => {
  switch (sort.field) {
    case 'enrolledAt':
      return Number(device.enrolled_at ?? 0);
    case 'lastSeen':
      return Number(device.last_seen_at ?? 0);
    case 'source':
      return device.source;
    default:
      return sort.field satisfies never;
  }
};

/**
 * One page of the inventory by keyset, never by offset; candidates and deleted devices are not part of it. A page of a filtered list looks
 * at so many devices at most (SCANNED), and ends short, with a cursor to go on from, where fewer of them match.
 */
export async function listDevices(
  db: Db,
  view: View,
  filters: DeviceFilters,
  sort: DeviceSort,
  first: number,
  after: Position | null,
  scanned = SCANNED,
): Promise<Page> {
  const edge = Object.keys(filters).length === 0 ? null : await edgeOf(db, sort, after, scanned);
  const devices: DeviceRow[] = [];
  let position = after;
  for (;;) {
    const rows = await pageOf(db, view, filters, sort, first + 1, position, edge);
    for (const row of rows) {
      const here = { value: sortKey(sort, row), id: row.id };
      // Derived from the facts, so no query can say it.
      const fits = !filters.assurance || filters.assurance.includes(isHighAssurance(row, view) ? 'high' : 'normal');
      if (fits && devices.length === first) return { devices, next: position };
      if (fits) devices.push(row);
      position = here;
    }
    if (rows.length <= first) return { devices, next: edge };
  }
}

/** The last device that a page may look at; null where the list ends before. Read from an index alone. */
async function edgeOf(db: Db, sort: DeviceSort, after: Position | null, scanned: number): Promise<Position | null> {
  const { key, direction, past } = orderOf(sort);
  let query = db
    .selectFrom('devices')
    .select([key.as('value'), 'id'])
    .orderBy(key, direction)
    .orderBy('id', direction)
    .offset(scanned - 1)
    .limit(1);
  if (after) query = query.where(beyond(key, past, after));
  return (await query.executeTakeFirst()) ?? null;
}

const beyond = (key: RawBuilder<string | number>, comparison: RawBuilder<unknown>, { value, id }: Position) =>
  sql<SqlBool>`(${key}, id) ${comparison} (${value}, ${id})`;

function orderOf({ field, ascending }: DeviceSort) {
  const key = {
    enrolledAt: sql<string | number>`coalesce(enrolled_at, 0)`,
    lastSeen: sql<string | number>`coalesce(last_seen_at, 0)`,
    source: sql<string | number>`source`,
  }[field];
  return ascending
    ? ({ key, direction: 'asc', past: sql`>`, upTo: sql`<=` } as const)
    : ({ key, direction: 'desc', past: sql`<`, upTo: sql`>=` } as const);
}

/**
 * A column as no index knows it. A planner that looked for what a filter names by an index of its own would sort all that it finds, half an
 * inventory perhaps, for each page; the list is read in its own order.
 */
const plain = (column: keyof DeviceRow) => sql<string>`coalesce(${sql.ref(column)}, '')`;

/** No candidate. */
export const isRecord = sql<boolean>`${plain('candidate_of')} = ''`;
/** Not removed: a removed device is a tombstone, and no list shows it. */
export const isKept = sql<boolean>`${plain('lifecycle')} <> 'deleted'`;

async function pageOf(
  db: Db,
  view: View,
  filters: DeviceFilters,
  sort: DeviceSort,
  limit: number,
  after: Position | null,
  edge: Position | null,
): Promise<DeviceRow[]> {
  const { key, direction, past, upTo } = orderOf(sort);
  let query = db
    .selectFrom('devices')
    .selectAll()
    .where(isRecord)
    .where(isKept)
    .where((eb) => eb.and(conditions(eb, filters, view)))
    .orderBy(key, direction)
    .orderBy('id', direction)
    .limit(limit);
  if (after) query = query.where(beyond(key, past, after));
  if (edge) query = query.where(beyond(key, upTo, edge));
  return query.execute();
}

function conditions(
  eb: ExpressionBuilder<Tables, 'devices'>,
  filters: DeviceFilters,
  view: View,
): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = [];
  if (filters.operatingSystem) all.push(eb('os', 'in', filters.operatingSystem));
  if (filters.ownership) {
    const kinds = filters.ownership.map((kind) => (kind === 'user' ? ('personal' as const) : kind));
    all.push(eb('ownership', 'in', kinds));
  }
  if (filters.source) {
    const sources = filters.source;
    const layer = eb
      .selectFrom('device_layers')
      .select('device_id')
      .whereRef('device_id', '=', 'devices.id')
      .where('layer', 'in', sources);
    all.push(eb.or([eb(plain('source'), 'in', sources), eb.exists(layer)]));
  }
  if (filters.onlyManaged) all.push(eb('enrolled_at', 'is not', null));
  if (filters.onlyPendingApproval) all.push(eb(plain('approval'), '=', 'pending'));
  if (filters.onlyUnassigned) all.push(eb(plain('owner_id'), '=', ''));
  if (filters.assurance?.length === 1 && filters.assurance[0] === 'high') {
    // Narrows what is read; the derivation decides.
    all.push(eb(plain('approval'), '=', 'approved'), eb('attestation', '=', 'valid'));
  }
  if (filters.status) all.push(hasStatus(eb, filters.status, view));
  return all;
}

/** The vendor names three states and explains none: error asks for somebody, warning is short of working, ok is neither. */
function hasStatus(
  eb: ExpressionBuilder<Tables, 'devices'>,
  status: NonNullable<DeviceFilters['status']>,
  view: View,
): Expression<SqlBool> {
  const error = eb.or([eb(plain('approval'), '=', 'refused'), eb('attestation', '=', 'failed')]);
  const staleBefore = view.now - view.settings.attestationMaxAgeDays * DAY_MS;
  const warning = eb.or([
    eb(plain('approval'), '=', 'pending'),
    eb(plain('lifecycle'), '=', 'quarantined'),
    eb.and([eb('attestation', '=', 'valid'), eb('attested_at', '<', staleBefore)]),
  ]);
  // `attested_at` may be null: `not` of an unknown would drop the row.
  const known = (condition: Expression<SqlBool>) => sql<SqlBool>`coalesce(${condition}, false)`;
  switch (status) {
    case 'error':
      return error;
    case 'warning':
      return eb.and([eb.not(known(error)), known(warning)]);
    case 'ok':
      return eb.and([eb.not(known(error)), eb.not(known(warning))]);
    default:
      return status satisfies never;
  }
}
