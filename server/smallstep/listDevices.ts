import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { TeamSettings } from '../../contract/index.ts';
import type { DeviceRow, Tables } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import type { Position } from './cursor.ts';
import { isHighAssurance } from './highAssurance.ts';
import type { DeviceFilters, DeviceSort } from './query.ts';

const DAY_MS = 86_400_000;
/** A filter that hits almost nothing must not read the whole inventory for one page: the page ends short, with a cursor to go on. */
const MAX_SCANNED = 5000;

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

/** One page of the inventory by keyset, never by offset; candidates and deleted devices are not part of it. */
export async function listDevices(
  db: Db,
  view: View,
  filters: DeviceFilters,
  sort: DeviceSort,
  first: number,
  after: Position | null,
): Promise<Page> {
  const devices: DeviceRow[] = [];
  let position = after;
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const rows = await pageOf(db, view, filters, sort, first + 1, position);
    scanned += rows.length;
    for (const row of rows) {
      const here = { value: sortKey(sort, row), id: row.id };
      if (filters.assurance && !filters.assurance.includes(isHighAssurance(row, view) ? 'high' : 'normal')) {
        position = here;
        continue;
      }
      if (devices.length === first) return { devices, next: position };
      devices.push(row);
      position = here;
    }
    if (rows.length <= first) return { devices, next: null };
  }
  return { devices, next: position };
}

/**
 * No candidate. Said so that no planner looks for it by the index on `candidate_of`, which nearly every device matches: it would then sort
 * the whole inventory for each page.
 */
export const isRecord = sql<boolean>`coalesce(candidate_of, '') = ''`;

async function pageOf(
  db: Db,
  view: View,
  filters: DeviceFilters,
  sort: DeviceSort,
  limit: number,
  after: Position | null,
): Promise<DeviceRow[]> {
  const direction = sort.ascending ? 'asc' : 'desc';
  const key = {
    enrolledAt: sql<number>`coalesce(enrolled_at, 0)`,
    lastSeen: sql<number>`coalesce(last_seen_at, 0)`,
    source: sql<string>`source`,
  }[sort.field];
  let query = db
    .selectFrom('devices')
    .selectAll()
    .where(isRecord)
    .where('lifecycle', '!=', 'deleted')
    .where((eb) => eb.and(conditions(eb, filters, view)))
    .orderBy(key, direction)
    .orderBy('id', direction)
    .limit(limit);
  if (after !== null) {
    // The first half lets an index on the key find the place; the second tells equal keys apart.
    const [reached, past] = sort.ascending ? (['>=', '>'] as const) : (['<=', '<'] as const);
    query = query
      .where(key, reached, after.value)
      .where((eb) => eb.or([eb(key, past, after.value), eb('id', past, after.id)]));
  }
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
    all.push(eb.or([eb('source', 'in', sources), eb.exists(layer)]));
  }
  if (filters.onlyManaged) all.push(eb('enrolled_at', 'is not', null));
  if (filters.onlyPendingApproval) all.push(eb('approval', '=', 'pending'));
  if (filters.onlyUnassigned) all.push(eb('owner_id', 'is', null));
  if (filters.assurance?.length === 1 && filters.assurance[0] === 'high') {
    // Narrows what is read; the derivation decides.
    all.push(eb('approval', '=', 'approved'), eb('attestation', '=', 'valid'));
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
  const error = eb.or([eb('approval', '=', 'refused'), eb('attestation', '=', 'failed')]);
  const staleBefore = view.now - view.settings.attestationMaxAgeDays * DAY_MS;
  const warning = eb.or([
    eb('approval', '=', 'pending'),
    eb('lifecycle', '=', 'quarantined'),
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
