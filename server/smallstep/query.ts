import { OperatingSystem, Source } from '../../contract/index.ts';
import { refuseSmallstep } from './refusal.ts';

const MAX_QUERY = 8192;
const MAX_PAIRS = 200;
const MAX_LIST = 50;
const MAX_CURSOR = 1024;

export type Pagination = { first: number; after: string | null };

export type DeviceFilters = {
  assurance?: ('normal' | 'high')[];
  operatingSystem?: (typeof OperatingSystem.options)[number][];
  ownership?: ('company' | 'user')[];
  source?: Source[];
  onlyManaged?: boolean;
  onlyPendingApproval?: boolean;
  onlyUnassigned?: boolean;
  status?: 'ok' | 'warning' | 'error';
};

export type DeviceSort = { field: 'enrolledAt' | 'lastSeen' | 'source'; ascending: boolean };

export type DeviceQuery = { pagination: Pagination; filters: DeviceFilters; sort: DeviceSort };

/** Values by `object.property`, in the order they came. */
type Values = Map<string, string[]>;

const FILTERS = [
  'assurance',
  'operatingSystem',
  'os',
  'ownership',
  'source',
  'onlyManaged',
  'onlyPendingApproval',
  'onlyUnassigned',
  'status',
];

/**
 * Reads `object[property]=v`, `object[property][]=v`, `object[property][0]=v` and repetitions. OpenAPI leaves lists in deepObject
 * undefined, so every spelling counts. The 2025 document forgot the style of filters and sort, so that a generated client sends their
 * properties bare: those count too. Unknown names are ignored, as Smallstep's clients send some.
 */
function parse(query: string): Values {
  if (query.length > MAX_QUERY) return refuseSmallstep(400, 'The query is too long.');
  const values: Values = new Map();
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_PAIRS) return refuseSmallstep(400, 'The query has too many parameters.');
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decode(pair.slice(at + 1));
    const match = /^(pagination|filters|sort)\[(\w{1,32})\](?:\[\d{0,4}\])?$/.exec(name);
    const bare = /^(\w{1,32})(?:\[\d{0,4}\])?$/.exec(name)?.[1];
    const key = match ? `${match[1]}.${match[2]}` : bare ? bareKey(bare) : undefined;
    if (key) values.set(key, [...(values.get(key) ?? []), value]);
  }
  return values;
}

function bareKey(name: string): string | undefined {
  if (FILTERS.includes(name)) return `filters.${name}`;
  return name === 'field' || name === 'ascending' ? `sort.${name}` : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return refuseSmallstep(400, 'The query is not percent-encoded correctly.');
  }
}

/** Empty and `null` stand for absence: the documents mark these parameters nullable. */
const present = (value: string) => value !== '' && value !== 'null';

function single(values: Values, key: string): string | undefined {
  return values.get(key)?.filter(present).at(-1);
}

function flag(values: Values, key: string): boolean | undefined {
  const text = single(values, key)?.toLowerCase();
  if (text === undefined) return undefined;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return refuseSmallstep(400, `${bracketed(key)} must be true or false.`);
}

function choices<T extends string>(values: Values, keys: string[], allowed: readonly T[]): T[] | undefined {
  // Unexploded lists arrive with commas; no value of these lists contains one.
  const given = keys.flatMap((key) => values.get(key) ?? []).flatMap((text) => text.split(','));
  const texts = given.map((text) => text.trim()).filter(present);
  if (texts.length === 0) return undefined;
  if (texts.length > MAX_LIST) return refuseSmallstep(400, `${bracketed(keys[0] ?? '')} has too many values.`);
  return [...new Set(texts.map((text) => choice(keys[0] ?? '', text, allowed)))];
}

/** The documents' own example writes `windows` for `Windows`: case does not matter. */
function choice<T extends string>(key: string, text: string, allowed: readonly T[]): T {
  const known = allowed.find((option) => option.toLowerCase() === text.toLowerCase());
  return known ?? refuseSmallstep(400, `${bracketed(key)} must be one of ${allowed.join(', ')}.`);
}

const bracketed = (key: string) => key.replace(/\.(\w+)$/, '[$1]');

function pagination(values: Values): Pagination {
  const first = single(values, 'pagination.first') ?? '100';
  if (!/^\d{1,4}$/.test(first) || Number(first) < 1 || Number(first) > 1000) {
    return refuseSmallstep(400, 'pagination[first] must be a number from 1 to 1000.');
  }
  const after = single(values, 'pagination.after') ?? null;
  if (after !== null && after.length > MAX_CURSOR) return refuseSmallstep(400, 'pagination[after] is too long.');
  return { first: Number(first), after };
}

/** `pagination[first]` and `pagination[after]` of a query without its `?`. Errors: a refusal with 400. */
export function parsePagination(query: string): Pagination {
  return pagination(parse(query));
}

/** The parameters of the device list. Errors: a refusal with 400 that names the parameter. */
export function parseDeviceQuery(query: string): DeviceQuery {
  const values = parse(query);
  const filters = {
    assurance: choices(values, ['filters.assurance'], ['normal', 'high'] as const),
    operatingSystem: choices(values, ['filters.operatingSystem', 'filters.os'], OperatingSystem.options),
    ownership: choices(values, ['filters.ownership'], ['company', 'user'] as const),
    source: choices(values, ['filters.source'], Source.options),
    onlyManaged: flag(values, 'filters.onlyManaged'),
    onlyPendingApproval: flag(values, 'filters.onlyPendingApproval'),
    onlyUnassigned: flag(values, 'filters.onlyUnassigned'),
    status: choices(values, ['filters.status'], ['ok', 'warning', 'error'] as const)?.at(-1),
  };
  const field = single(values, 'sort.field');
  return {
    pagination: pagination(values),
    filters: Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined)) as DeviceFilters,
    sort: {
      field: field ? choice('sort.field', field, ['enrolledAt', 'lastSeen', 'source'] as const) : 'enrolledAt',
      ascending: flag(values, 'sort.ascending') ?? false,
    },
  };
}
