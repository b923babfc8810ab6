import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { insertDevice } from '../devices.ts';
import type { Tables } from '../schema.ts';
import { searchNumbers, searchTerms } from '../search.ts';
import { NodeSqliteDialect, openSqlite } from '../sqlite.ts';
import { openStore, type Store } from '../store.ts';
import { MIGRATIONS } from './index.ts';

let folder: string;
let store: Store | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-migrations-'));
});
afterEach(async () => {
  await store?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A store as an earlier version left it, with rows in the columns of that time. */
async function olderStore(upTo: string, rows: [table: string, row: Record<string, string | number | null>][]) {
  const database = openSqlite(join(folder, 'muster.db'));
  const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(database) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateTo(upTo);
  if (error) throw error;
  for (const [table, row] of rows) {
    const names = Object.keys(row);
    const sql = `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`;
    database.prepare(sql).run(...Object.values(row));
  }
  await db.destroy();
}

const device = (id: string, at: number, more: Record<string, string | number | null> = {}) => ({
  id,
  permanent_identifier: `SERIAL-${id}`,
  asserted: 1,
  name: `Müller ${id}`,
  source: 'Jamf',
  shared: 0,
  approval: 'approved',
  lifecycle: 'active',
  attestation: 'none',
  ek_class: 'absent',
  ek_certificate: 'absent',
  secure_boot: 'unknown',
  search: `müller ${id}`,
  version: 1,
  created_at: at,
  updated_at: at,
  ...more,
});

it('numbers the devices in the order they came, finds them by their words, and counts those that are kept', async () => {
  const user = { id: 'u', email: 'Ada@example.com', email_lower: 'ada@example.com', active: 1, created_at: 1 };
  await olderStore('003-aliases', [
    ['users', user],
    ['devices', device('b', 20, { owner_id: 'u' })],
    ['devices', device('a', 10)],
    ['devices', device('c', 30, { lifecycle: 'deleted' })],
    ['devices', device('d', 40, { candidate_of: 'a' })],
    ['collection_instances', { slug: 'racks', id: 'r1', data: '1', created_at: 1, updated_at: 1 }],
    ['collections', { slug: 'racks', display_name: 'Racks', created_at: 1, updated_at: 1 }],
  ]);
  store = await openStore(folder, 'production', 50);
  const numbers = await store.db.selectFrom('devices').select(['id', 'number']).orderBy('number').execute();
  expect(numbers.map(({ id, number }) => `${id}${number}`)).toEqual(['a1', 'b2', 'c3', 'd4']);
  const find = (typed: string) =>
    searchNumbers(store?.db ?? expect.fail(), searchTerms(typed), { before: Number.MAX_SAFE_INTEGER, limit: 9 });
  expect(await find('muller')).toEqual([4, 3, 2, 1]);
  expect(await find('ada@ex')).toEqual([2]);
  const counts = async () =>
    Object.fromEntries(
      (await (store?.db ?? expect.fail()).selectFrom('collections').select(['slug', 'instance_count']).execute()).map(
        (row) => [row.slug, row.instance_count],
      ),
    );
  expect(await counts()).toEqual({ default: 2, racks: 1 });

  const added = await store.write((trx) =>
    insertDevice(trx, 60, { permanent_identifier: 'NEW', name: 'new', source: 'Smallstep API' }, null),
  );
  expect(added.number).toBe(5);
  expect(await counts()).toMatchObject({ default: 3 });
  const set = (change: { lifecycle?: 'active' | 'deleted' | 'quarantined'; candidate_of?: string | null }) =>
    store?.write((trx) => trx.updateTable('devices').set(change).where('id', '=', added.id).execute());
  for (const [change, count] of [
    [{ lifecycle: 'deleted' }, 2],
    [{ candidate_of: 'a' }, 2],
    [{ lifecycle: 'quarantined', candidate_of: null }, 3],
    [{ lifecycle: 'active' }, 3],
  ] as const) {
    await set(change);
    expect(await counts(), JSON.stringify(change)).toMatchObject({ default: count });
  }
  await store.write((trx) => trx.deleteFrom('devices').where('id', 'in', [added.id, 'c']).execute());
  await store.write((trx) => trx.deleteFrom('collection_instances').where('slug', '=', 'racks').execute());
  expect(await counts()).toEqual({ default: 2, racks: 0 });
});

it('gives each MDM connection the words that it said itself', async () => {
  const connection = (id: string) => ({
    ...{ id, source: 'Jamf', name: id, provider: 'file', settings: 'x', enabled: 1, sweep: 1, created_at: 1 },
  });
  const row = (connectionId: string, fields: object, at: number) => ({
    ...{
      connection_id: connectionId,
      external_id: '1',
      device_id: 'a',
      serial: 'SERIAL-a',
      fields: JSON.stringify(fields),
    },
    ...{ raw: 'null', outcome: 'merged', seen_sweep: 1, missing_sweeps: 0, created_at: at, updated_at: at },
  });
  const layer = (deviceId: string, name: string, fields: object) => ({
    ...{ device_id: deviceId, layer: name, fields: JSON.stringify(fields), created_at: 1, updated_at: 1 },
  });
  await olderStore('003-aliases', [
    ['devices', device('a', 10)],
    ['devices', device('z', 20)],
    ['mdm_connections', connection('one')],
    ['mdm_connections', connection('two')],
    ['mdm_rows', row('one', { displayName: 'first' }, 5)],
    ['mdm_rows', row('two', { displayName: 'second' }, 6)],
    ['device_layers', layer('a', 'Jamf', { displayName: 'second' })],
    ['device_layers', layer('a', 'explicit', { displayName: 'mine' })],
    // Of a connection that is gone.
    ['device_layers', layer('z', 'Intune', { displayName: 'left' })],
  ]);
  store = await openStore(folder, 'production', 50);
  const layers = await store.db.selectFrom('device_layers').selectAll().orderBy('device_id').orderBy('layer').execute();
  expect(layers.map((one) => [one.device_id, one.layer, one.source, one.fields])).toEqual([
    ['a', 'explicit', null, '{"displayName":"mine"}'],
    ['a', 'one', 'Jamf', '{"displayName":"first"}'],
    ['a', 'two', 'Jamf', '{"displayName":"second"}'],
    ['z', 'Intune', 'Intune', '{"displayName":"left"}'],
  ]);
});

it('knows by id who made the tokens that were made before', async () => {
  const user = (id: string, email: string, more: object = {}) => ({
    ...{ id, email, email_lower: email.toLowerCase(), active: 1, created_at: 1, ...more },
  });
  const token = (id: string, by: string) => ({
    ...{ id, hash: id, name: id, scopes: '[]', created_by: by, created_at: 1 },
  });
  await olderStore('009-device-tags', [
    ['users', user('stranger', 'Ada@example.com')],
    ['users', user('ada', 'Ada@example.com', { issuer: 'i', subject: 'a', created_at: 2, last_sign_in_at: 3 })],
    ['tokens', token('hers', 'ADA@example.com')],
    ['tokens', token('operator', 'set-up')],
  ]);
  store = await openStore(folder, 'production', 50);
  const tokens = await store.db.selectFrom('tokens').select(['id', 'created_by_id']).orderBy('id').execute();
  expect(tokens).toEqual([
    { id: 'hers', created_by_id: 'ada' },
    { id: 'operator', created_by_id: null },
  ]);
});

it('takes the tags that were given before into the device’s row', async () => {
  const layer = (deviceId: string, name: string, fields: object) => ({
    ...{ device_id: deviceId, layer: name, fields: JSON.stringify(fields), created_at: 1, updated_at: 1 },
  });
  await olderStore('008-audit-actors', [
    ['devices', device('a', 10, { number: 1 })],
    ['devices', device('b', 20, { number: 2 })],
    ['devices', device('c', 30, { number: 3 })],
    ['device_layers', layer('a', 'explicit', { tags: ['lab', 'a,"b'] })],
    ['device_layers', layer('b', 'explicit', { displayName: 'mine' })],
    ['device_layers', layer('c', 'one', { tags: ['an MDM has none'] })],
  ]);
  store = await openStore(folder, 'production', 50);
  const devices = await store.db.selectFrom('devices').select(['id', 'tags']).orderBy('id').execute();
  expect(devices.map(({ id, tags }) => [id, JSON.parse(tags)])).toEqual([
    ['a', ['lab', 'a,"b']],
    ['b', []],
    ['c', []],
  ]);
});
