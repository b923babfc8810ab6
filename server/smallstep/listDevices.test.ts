import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../policy/settings.ts';
import { openStore, type Store } from '../store/store.ts';
import { listDevices } from './listDevices.ts';
import type { DeviceSort } from './query.ts';

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

it.each<DeviceSort>([
  { field: 'enrolledAt', ascending: false },
  { field: 'lastSeen', ascending: true },
  { field: 'source', ascending: false },
])('reads a page by an index and sorts nothing: $field', async (sort) => {
  const queries: string[] = [];
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    queries.push(sql);
    return prepare.call(this, sql);
  };
  const position = { value: sort.field === 'source' ? 'Jamf' : 5, id: 'x' };
  try {
    const view = { settings: DEFAULT_SETTINGS, demo: false, now: 2 };
    for (const after of [null, position]) await listDevices(store.db, view, {}, sort, 100, after);
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
  const lists = queries.filter((sql) => sql.includes('order by'));
  expect(lists).toHaveLength(2);
  const plain = new DatabaseSync(join(folder, 'muster.db'));
  try {
    for (const sql of lists) {
      const plan = plain
        .prepare(`explain query plan ${sql}`)
        .all(...Array.from({ length: sql.split('?').length - 1 }, () => 1));
      const details = plan.map((row) => String(row.detail)).join('; ');
      expect(details).toContain('USING INDEX');
      expect(details).not.toContain('TEMP B-TREE');
    }
  } finally {
    plain.close();
  }
});
