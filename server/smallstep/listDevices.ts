import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { TeamSettings } from '../../contract/index.ts';
import { SCANNED } from '../store/paging.ts';
import type { DeviceRow, Tables } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import type { Position } from './cursor.ts';
import { isHighAssurance } from './highAssurance.ts';
import type { DeviceFilters, DeviceSort } from './query.ts';

const DAY_MS = 86_400_000;
/** Rows of one query after the first, where assurance leaves few of them. */
const BATCH = 1000;

type View = { settings: TeamSettings; demo: boolean; now: number };
type Page = { devices: DeviceRow[]; next: Position | null };

/**
 * A list is read in one or two parts: devices that have the value it is sorted by, and those that never had one, which count as oldest. Each
 * part stands in an index of plain columns, where a page begins at its place without reading what comes before.
 */
type Part = { column: 'enrolled_at' | 'last_seen_at' | 'source'; value: 'present' | 'absent'; ascending: boolean };

function partsOf({ field, ascending }: DeviceSort): Part[] {
  if (field === 'source') return [{ column: 'source', value: 'present', ascending }];
  const column = field === 'enrolledAt' ? 'enrolled_at' : 'last_seen_at';
  const parts: Part[] = [
    { column, value: 'present', ascending },
    { column, value: 'absent', ascending },
  ];
  return ascending ? parts.reverse() : parts;
}

/** Where a device stands; 0 where it never had the value. */
const placeOf = ({ column }: Part, device: DeviceRow): Position => ({ value: device[column] ?? 0, id: device.id });
const holds = (part: Part, { value }: Position) =>
  part.column === 'source' || (value === 0) === (part.value === 'absent');

/**
 * One page of the inventory by keyset, never by offset; candidates and deleted devices are not part of it. A page of a filtered list looks
 * at so many devices of each part at most (SCANNED), and ends short, with a cursor to go on from, where fewer of them match.
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
  const parts = partsOf(sort);
  const start = after === null ? 0 : parts.findIndex((part) => holds(part, after));
  const devices: DeviceRow[] = [];
  let last: Position | null = null;
  for (const [index, part] of parts.entries()) {
    if (index < start) continue;
    let place = index === start ? after : null;
    const edge = Object.keys(filters).length === 0 ? null : await edgeOf(db, part, place, scanned);
    for (let limit = first + 1 - devices.length; ; limit = BATCH) {
      const rows = await rowsOf(db, view, filters, part, place, edge, limit);
      for (const row of rows) {
        place = placeOf(part, row);
        // Derived from the facts, so no query can say it.
        const level = filters.assurance && (isHighAssurance(row, view) ? 'high' : 'normal');
        if (level && !filters.assurance?.includes(level)) continue;
        if (devices.length === first) return { devices, next: last };
        devices.push(row);
        last = place;
      }
      if (rows.length < limit) break;
    }
    if (edge) return { devices, next: edge };
  }
  return { devices, next: null };
}

/** The last device that a page may look at; null where the part ends before. Read from an index alone. */
async function edgeOf(db: Db, part: Part, after: Position | null, scanned: number): Promise<Position | null> {
  const row = await inOrder(db.selectFrom('devices').select(['id', part.column]), part)
    .$if(after !== null, (query) => query.where(beyond(part, after as Position)))
    .offset(scanned - 1)
    .limit(1)
    .executeTakeFirst();
  return row ? { value: (row as Partial<DeviceRow>)[part.column] ?? 0, id: row.id } : null;
}

function inOrder<Row>(query: SelectQueryBuilder<Tables, 'devices', Row>, { column, value, ascending }: Part) {
  const direction = ascending ? 'asc' : 'desc';
  const part =
    value === 'absent'
      ? query.where(column, 'is', null)
      : query.where(column, 'is not', null).orderBy(column, direction);
  return part.orderBy('id', direction);
}

const beyond = ({ column, value, ascending }: Part, place: Position) => {
  const past = ascending ? sql`>` : sql`<`;
  return value === 'absent'
    ? sql<SqlBool>`id ${past} ${place.id}`
    : sql<SqlBool>`(${sql.ref(column)}, id) ${past} (${place.value}, ${place.id})`;
};
const upTo = ({ column, value, ascending }: Part, edge: Position) => {
  const within = ascending ? sql`<=` : sql`>=`;
  return value === 'absent'
    ? sql<SqlBool>`id ${within} ${edge.id}`
    : sql<SqlBool>`(${sql.ref(column)}, id) ${within} (${edge.value}, ${edge.id})`;
};

/**
 * A column as no index knows it. A planner that looked for what a filter names by an index of its own would sort all that it finds, half an
 * inventory perhaps, for each page; the list is read in its own order.
 */
const plain = (column: keyof DeviceRow) => sql<string>`coalesce(${sql.ref(column)}, '')`;

/** No candidate. */
export const isRecord = sql<boolean>`${plain('candidate_of')} = ''`;
/** Not removed: a removed device is a tombstone, and no list shows it. */
export const isKept = sql<boolean>`${plain('lifecycle')} <> 'deleted'`;

function rowsOf(
  db: Db,
  view: View,
  filters: DeviceFilters,
  part: Part,
  after: Position | null,
  edge: Position | null,
  limit: number,
): Promise<DeviceRow[]> {
  const query = db
    .selectFrom('devices')
    .selectAll()
    .where(isRecord)
    .where(isKept)
    .where((eb) => eb.and(conditions(eb, filters, view)))
    .$if(after !== null, (page) => page.where(beyond(part, after as Position)))
    .$if(edge !== null, (page) => page.where(upTo(part, edge as Position)))
    .limit(limit);
  return inOrder(query, part).execute();
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
      .where('source', 'in', sources);
    all.push(eb.or([eb(plain('source'), 'in', sources), eb.exists(layer)]));
  }
  if (filters.onlyManaged) all.push(eb('enrolled_at', 'is not', null));
  if (filters.onlyPendingApproval) all.push(eb(plain('approval'), '=', 'pending'));
  if (filters.onlyUnassigned) all.push(eb(plain('owner_id'), '=', ''));
  if (filters.assurance?.length === 1 && filters.assurance[0] === 'high') {
    // Narrows what is read; the derivation decides.
    all.push(eb(plain('approval'), '=', 'approved'), eb('attestation', '=', 'valid'));
    all.push(eb('attested_at', '>=', staleBefore(view)));
  }
  if (filters.status) all.push(hasStatus(eb, filters.status, view));
  return all;
}

/** Attestations from before have become stale. */
const staleBefore = ({ now, settings }: View): number => now - settings.attestationMaxAgeDays * DAY_MS;

/** The vendor names three states and explains none: error asks for somebody, warning is short of working, ok is neither. */
function hasStatus(
  eb: ExpressionBuilder<Tables, 'devices'>,
  status: NonNullable<DeviceFilters['status']>,
  view: View,
): Expression<SqlBool> {
  const error = eb.or([eb(plain('approval'), '=', 'refused'), eb('attestation', '=', 'failed')]);
  const warning = eb.or([
    eb(plain('approval'), '=', 'pending'),
    eb(plain('lifecycle'), '=', 'quarantined'),
    eb.and([eb('attestation', '=', 'valid'), eb('attested_at', '<', staleBefore(view))]),
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
