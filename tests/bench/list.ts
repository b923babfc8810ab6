/**
 * `npm run bench:list [-- SMALL LARGE]`: the same pages of the same lists in a small and in a large inventory, side by side over HTTP. Times
 * vary with the machine; the ratio is what carries over. Ends with status 1 where a page costs more than half again in the large one.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Scope } from '../../contract/index.ts';
import { createApiToken, createServer, type MusterServer } from '../../server/index.ts';
import { searchText } from '../../server/store/search.ts';
import { openStore } from '../../server/store/store.ts';

const [SMALL = 10_000, LARGE = 200_000] = process.argv.slice(2).map(Number);
const RUNS = Number(process.env.RUNS ?? 41);
const LIMIT = 1.5;

const urnOf = (i: number) => `urn:ek:sha256:${createHash('sha256').update(`device ${i}`).digest('base64')}`;
const serialOf = (i: number) => `SN${String(i * 7).padStart(9, '0')}`;
const personOf = (i: number) => `person${i}@example.com`;
const AT = Date.UTC(2026, 0, 1);

type Row = Record<string, SQLInputValue>;

/** Rows as the server writes them, by one prepared statement for each table: through its API, a million devices would take an hour. */
async function seed(folder: string, devices: number): Promise<void> {
  await (await openStore(folder, 'production', AT)).close();
  const database = new DatabaseSync(join(folder, 'muster.db'));
  database.exec('pragma synchronous = off');
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  const insert = (table: string, row: Row) => {
    const names = Object.keys(row);
    const statement =
      statements.get(table) ??
      database.prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`);
    statements.set(table, statement);
    statement.run(...Object.values(row));
  };
  database.exec('begin immediate');
  for (let i = 1; i <= devices; i += 1) {
    insert('users', userRow(i));
    const device = deviceRow(i);
    insert('devices', device);
    if (device.candidate_of === null)
      insert('identifiers', { identifier: urnOf(i), device_id: idOf(i), kind: 'permanent', created_at: AT + i });
    insert('audit', auditRow(i));
    if (i % 5000 === 0) database.exec('commit; begin immediate');
  }
  database.exec('commit');
  for (const name of ['devices', 'audit'])
    database.prepare('insert or replace into counters (name, value) values (?, ?)').run(name, devices);
  database.exec('pragma wal_checkpoint(truncate)');
  database.close();
}

const idOf = (i: number) => `01890000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`;
const userRow = (i: number): Row => ({
  ...{
    id: `01890000-0000-7000-9000-${i.toString(16).padStart(12, '0')}`,
    email: personOf(i),
    email_lower: personOf(i),
  },
  ...{ display_name: `Person ${i}`, active: 1, created_at: AT + i },
});

function deviceRow(i: number): Row {
  const owner = i % 3 === 0 ? personOf(i) : null;
  const named = { name: `laptop-${i}`, serial: serialOf(i), permanent_identifier: urnOf(i) };
  return {
    ...named,
    id: idOf(i),
    number: i,
    candidate_of: i % 100 === 7 ? idOf(i - 1) : null,
    asserted: 1,
    os: i % 4999 === 1 ? 'visionOS' : i % 2 ? 'Linux' : 'Windows',
    source: i % 10 === 0 ? 'End-User' : i % 3 === 0 ? 'Jamf' : 'Smallstep API',
    owner_id: owner === null ? null : String(userRow(i).id),
    shared: 0,
    ownership: 'company',
    approval: i % 100 === 3 ? 'pending' : i % 100 === 4 ? 'refused' : 'approved',
    lifecycle: i % 100 === 5 ? 'quarantined' : i % 100 === 6 ? 'deleted' : 'active',
    attestation: i % 2 ? 'valid' : 'none',
    attested_at: i % 2 ? AT + i : null,
    ek_class: i % 2 ? 'hardware' : 'absent',
    ek_certificate: i % 2 ? 'verified' : 'absent',
    secure_boot: 'unknown',
    search: searchText(named, owner),
    version: 1,
    created_at: AT + i,
    updated_at: AT + i,
    enrolled_at: i % 2 ? AT + i : null,
    last_seen_at: i % 2 ? AT + ((i * 7919) % 1_000_000) : null,
  };
}

const auditRow = (i: number): Row => ({
  ...{ seq: i, id: idOf(i), at: AT + i, actor_type: 'token', actor_id: `token-${i % 7}`, actor_name: 'import' },
  ...{ action: i % 5 === 0 ? 'device.updated' : 'device.imported', subject_type: 'device', subject_id: idOf(i) },
  ...{ outcome: i % 100 === 9 ? 'refused' : 'done', prev_hash: '', hash: String(i) },
});

/** Where each list is asked; `{mid}` stands for the number of a device in the middle of the inventory. */
const LISTS: Record<string, string> = {
  'devices, newest': '/api/v1/devices?limit=50',
  'devices, pending': '/api/v1/devices?limit=50&approval=pending',
  'devices, one source': '/api/v1/devices?limit=50&source=Jamf',
  'devices, pending of one source': '/api/v1/devices?limit=50&approval=pending&source=Jamf',
  'devices, quarantined': '/api/v1/devices?limit=50&lifecycle=quarantined',
  'devices, quarantined of one source': '/api/v1/devices?limit=50&lifecycle=quarantined&source=End-User',
  'devices, removed and refused': '/api/v1/devices?limit=50&lifecycle=deleted&approval=refused',
  'devices, one owner': '/api/v1/devices?limit=50&owner={owner}',
  'search, a word that many have': '/api/v1/devices?limit=50&search=laptop',
  'search, one letter': '/api/v1/devices?limit=50&search=l',
  'search, a serial number': '/api/v1/devices?limit=50&search={serial}',
  'search, an identifier': '/api/v1/devices?limit=50&search={urn}',
  'search, an owner': '/api/v1/devices?limit=50&search={owner}',
  'search, two words': '/api/v1/devices?limit=50&search=laptop%20{owner}',
  'search, nothing': '/api/v1/devices?limit=50&search=zzzzzz',
  'search, pending': '/api/v1/devices?limit=50&search=laptop&approval=pending',
  'compatible, newest enrolment': '/api/devices?pagination[first]=50',
  'compatible, oldest enrolment': '/api/devices?pagination[first]=50&sort[ascending]=true',
  'compatible, last seen': '/api/devices?pagination[first]=50&sort[field]=lastSeen',
  'compatible, by source': '/api/devices?pagination[first]=50&sort[field]=source',
  'compatible, a rare system': '/api/devices?pagination[first]=50&filters[os]=visionOS',
  'compatible, pending': '/api/devices?pagination[first]=50&filters[onlyPendingApproval]=true',
  'compatible, unassigned': '/api/devices?pagination[first]=50&filters[onlyUnassigned]=true',
  'compatible, error': '/api/devices?pagination[first]=50&filters[status]=error',
  'compatible, high': '/api/devices?pagination[first]=50&filters[assurance]=high',
  'compatible, nothing': '/api/devices?pagination[first]=50&filters[os]=tvOS',
  collections: '/api/collections',
  'items of default': '/api/collections/default/items?pagination[first]=50',
  candidates: '/api/v1/candidates?limit=50',
  people: '/api/v1/people?limit=50',
  'people, searched': '/api/v1/people?limit=50&search=person1',
  'people, nobody': '/api/v1/people?limit=50&search=zzzzzz',
  'audit, newest': '/api/v1/audit?limit=50',
  'audit, of one device': '/api/v1/audit?limit=50&subject={id}',
  'audit, refused': '/api/v1/audit?limit=50&outcome=refused',
  'audit, one action': '/api/v1/audit?limit=50&action=device.updated',
  'audit, nothing': '/api/v1/audit?limit=50&action=nothing.happened',
};

type Inventory = { server: MusterServer; token: string; devices: number };

async function open(folder: string, devices: number): Promise<Inventory> {
  const since = performance.now();
  await seed(folder, devices);
  const server = await createServer({ store: folder, demo: false, rateLimitFactor: 1e6 });
  const { secret } = await createApiToken(server.store, { name: 'bench', scopes: Scope.options });
  console.log(`${devices.toLocaleString('en')} devices made in ${((performance.now() - since) / 1000).toFixed(0)} s`);
  return { server, token: secret, devices };
}

async function ask({ server, token }: Inventory, path: string): Promise<{ ms: number; next: string | null }> {
  const since = performance.now();
  const response = await fetch(server.origin + path, { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  const ms = performance.now() - since;
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
  const own = path.startsWith('/api/v1/') ? (JSON.parse(text) as { next: string | null }).next : null;
  return { ms, next: own ?? response.headers.get('x-next-cursor') };
}

const pathFor = (template: string, { devices }: Inventory): string => {
  const mid = Math.floor(devices / 6) * 3;
  return template
    .replaceAll('{owner}', encodeURIComponent(personOf(mid)))
    .replaceAll('{serial}', serialOf(mid))
    .replaceAll('{urn}', encodeURIComponent(urnOf(mid)))
    .replaceAll('{id}', idOf(mid));
};

/** The page that begins so many pages later, where the list is that long. */
async function later(inventory: Inventory, path: string, pages: number): Promise<string | null> {
  const name = path.startsWith('/api/v1/') ? 'cursor' : 'pagination[after]';
  const wide = path.replace(/(limit|pagination\[first\])=50/, '$1=200');
  let at = wide;
  for (let page = 0; page < pages; page += 1) {
    const { next } = await ask(inventory, at);
    if (next === null) return null;
    at = `${wide}&${name}=${encodeURIComponent(next)}`;
  }
  return at.replace(/(limit|pagination\[first\])=200/, '$1=50');
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The median of each, asked in turn, so that whatever slows the machine slows both. */
async function compare(small: [Inventory, string], large: [Inventory, string]): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let run = -5; run < RUNS; run += 1) {
    for (const [index, [inventory, path]] of [small, large].entries()) {
      const { ms } = await ask(inventory, path);
      if (run >= 0) times[index]?.push(ms);
    }
  }
  return [median(times[0]), median(times[1])];
}

const folder = await mkdtemp(join(tmpdir(), 'muster-bench-list-'));
const inventories: Inventory[] = [];
try {
  for (const devices of [SMALL, LARGE]) inventories.push(await open(join(folder, String(devices)), devices));
  const [small, large] = inventories;
  if (!small || !large) throw new Error('unreachable: two inventories were made');
  let worst = 0;
  const line = (name: string, [a, b]: [number, number]) => {
    worst = Math.max(worst, b / a);
    const mark = b / a > LIMIT ? '  ← grows' : '';
    console.log(
      `${name.padEnd(44)} ${a.toFixed(2).padStart(8)} ms ${b.toFixed(2).padStart(8)} ms  ${(b / a).toFixed(2)}×${mark}`,
    );
  };
  for (const [name, template] of Object.entries(LISTS)) {
    const paths = [pathFor(template, small), pathFor(template, large)] as const;
    line(name, await compare([small, paths[0]], [large, paths[1]]));
    const deep = [await later(small, paths[0], 20), await later(large, paths[1], 20)] as const;
    if (deep[0] && deep[1]) line(`${name}, 4,000 further`, await compare([small, deep[0]], [large, deep[1]]));
  }
  console.log(`The page that grows most costs ${worst.toFixed(2)} times as much (at most ${LIMIT}).`);
  if (worst > LIMIT) process.exitCode = 1;
} finally {
  for (const { server } of inventories) await server.close();
  await rm(folder, { recursive: true, force: true });
}
