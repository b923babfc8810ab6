import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../policy/settings.ts';
import { insertDevice } from '../store/devices.ts';
import { openStore, type Store } from '../store/store.ts';
import { growing, plansOf } from '../testing/plans.ts';
import type { Position } from './cursor.ts';
import { listDevices } from './listDevices.ts';
import type { DeviceFilters, DeviceSort } from './query.ts';

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-list-'));
  store = await openStore(folder, 'production', 1);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const view = { settings: DEFAULT_SETTINGS, demo: false, now: 2 };
const SORTS: DeviceSort[] = (['enrolledAt', 'lastSeen', 'source'] as const).flatMap((field) => [
  { field, ascending: false },
  { field, ascending: true },
]);
const FILTERS: DeviceFilters[] = [
  {},
  { assurance: ['high'] },
  { assurance: ['normal'] },
  { operatingSystem: ['Linux'] },
  { ownership: ['user'] },
  { source: ['Jamf'] },
  { source: ['Jamf', 'Intune'] },
  { onlyManaged: true },
  { onlyPendingApproval: true },
  { onlyUnassigned: true },
  { status: 'ok' },
  { status: 'warning' },
  { status: 'error' },
  { onlyPendingApproval: true, source: ['Jamf'], onlyUnassigned: true, operatingSystem: ['Linux'], status: 'warning' },
];

it.each(
  SORTS,
)('reads a page by the index of its order and sorts nothing: $field, ascending $ascending', async (sort) => {
  const after = { value: sort.field === 'source' ? 'Jamf' : 5, id: 'x' };
  const plans = await plansOf(join(folder, 'muster.db'), async () => {
    const places = [null, after, ...(sort.field === 'source' ? [] : [{ value: 0, id: 'x' }])];
    for (const filters of FILTERS) {
      for (const from of places) await listDevices(store.db, view, filters, sort, 100, from);
    }
  });
  const index = { enrolledAt: 'enrolled_at_id', lastSeen: 'last_seen_at_id', source: 'source_id' }[sort.field];
  const lists = plans.filter(({ sql }) => sql.includes('order by'));
  expect(lists.length).toBeGreaterThan(FILTERS.length);
  for (const plan of lists) {
    expect(growing(plan), plan.sql).toEqual([]);
    expect(plan.details[0], plan.sql).toContain(`devices_by_${index}`);
  }
});

describe('a filter that hits almost nothing', () => {
  it('ends the page short, with a place to go on from, and loses nothing', async () => {
    const [scanned, total] = [100, 230];
    const wanted = new Set([3, 95, 107, total - 1]);
    await store.write(async (trx) => {
      for (let i = 0; i < total; i += 1) {
        const device = { permanent_identifier: `N${i}`, name: `n${i}`, source: 'Smallstep API' } as const;
        await insertDevice(trx, i, { ...device, os: wanted.has(i) ? 'visionOS' : 'Linux' }, null);
      }
    });
    const seen: string[] = [];
    let pages = 0;
    let after: Position | null = null;
    do {
      const sort = { field: 'enrolledAt', ascending: false } as const;
      const page = await listDevices(store.db, view, { operatingSystem: ['visionOS'] }, sort, 3, after, scanned);
      seen.push(...page.devices.map((device) => device.name));
      after = page.next;
      pages += 1;
    } while (after !== null);
    expect(seen.sort()).toEqual([...wanted].map((i) => `n${i}`).sort());
    expect(pages).toBe(3);
  });
});
