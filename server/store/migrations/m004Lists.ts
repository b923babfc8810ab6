import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from '../schema.ts';
import { searchText } from '../search.ts';

const CHUNK = 1000;

/** What lists need so that a page costs the same at any size: a number for each device, its words, and an index for each order. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('devices').addColumn('number', 'bigint').execute();
  await sql`update devices set number = ordered.number
    from (select id, row_number() over (order by created_at, id) as number from devices) as ordered
    where ordered.id = devices.id`.execute(db);
  await sql`insert into counters (name, value) select 'devices', count(*) from devices where true
    on conflict (name) do update set value = excluded.value`.execute(db);
  await db.schema.createIndex('devices_by_number').unique().on('devices').column('number').execute();

  const live = sql<boolean>`lifecycle <> 'deleted'`;
  for (const columns of [[], ['approval'], ['source'], ['approval', 'source']] as const) {
    await db.schema
      .createIndex(`live_devices_by_${[...columns, 'created_at'].join('_')}`)
      .on('devices')
      .columns([...columns, 'created_at', 'id'])
      .where(live)
      .execute();
  }
  await db.schema
    .createIndex('candidates_by_created_at')
    .on('devices')
    .columns(['created_at', 'id'])
    .where(sql<boolean>`candidate_of is not null`)
    .execute();
  for (const table of ['users', 'tokens', 'provisioning_tokens'] as const) {
    await db.schema.createIndex(`${table}_by_created_at_id`).on(table).columns(['created_at', 'id']).execute();
  }
  // The compatible list sorts by values that may be absent. Over plain columns, and read in two parts, a page begins at its place.
  for (const column of ['enrolled_at', 'last_seen_at'] as const) {
    await db.schema.dropIndex(`devices_by_${column}_or_never`).execute();
    await db.schema.createIndex(`devices_by_${column}_id`).on('devices').columns([column, 'id']).execute();
  }
  await db.schema.createIndex('audit_by_at').on('audit').columns(['at', 'seq']).execute();
  await db.schema.createIndex('audit_by_action').on('audit').columns(['action', 'seq']).execute();
  const refused = sql<boolean>`outcome = 'refused'`;
  await db.schema.createIndex('refusals_by_seq').on('audit').columns(['seq']).where(refused).execute();
  await words(db);
  await counts(db);
}

/** How many instances a collection has, so that nothing is counted for an answer; the devices are those of `default`. */
async function counts(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .alterTable('collections')
    .addColumn('instance_count', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute();
  const kept = (row: string) => sql.raw(`(${row}lifecycle <> 'deleted' and ${row}candidate_of is null)`);
  await sql`update collections set instance_count = case slug
    when 'default' then (select count(*) from devices where ${kept('')})
    else (select count(*) from collection_instances where collection_instances.slug = collections.slug) end`.execute(
    db,
  );
  const trigger = (name: string, event: string, change: RawBuilder<unknown>, slug: RawBuilder<unknown>) =>
    sql`create trigger ${sql.raw(name)} after ${sql.raw(event)} begin
      update collections set instance_count = instance_count + (${change}) where slug = ${slug}; end`.execute(db);
  const inventory = sql`'default'`;
  await trigger('devices_counted', 'insert on devices', kept('new.'), inventory);
  await trigger('devices_uncounted', 'delete on devices', sql`-${kept('old.')}`, inventory);
  await trigger(
    'devices_recounted',
    `update of lifecycle, candidate_of on devices when (new.lifecycle <> 'deleted' and new.candidate_of is null) <> (old.lifecycle <> 'deleted' and old.candidate_of is null)`,
    sql`${kept('new.')} - ${kept('old.')}`,
    inventory,
  );
  await trigger('instances_counted', 'insert on collection_instances', sql`1`, sql`new.slug`);
  await trigger('instances_uncounted', 'delete on collection_instances', sql`-1`, sql`old.slug`);
}

/** The index of words. Its triggers keep it in step with `devices.search`, in the transaction of every change, whoever makes it. */
async function words(db: Kysely<Tables>): Promise<void> {
  await sql`create virtual table device_search using fts5(
    words, content='', contentless_delete=1, tokenize='unicode61', prefix='1 2 3 4 5 6 7 8 9 10 11 12')`.execute(db);
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('devices')
      .leftJoin('users', 'users.id', 'devices.owner_id')
      .select(['devices.number', 'devices.name', 'devices.serial', 'devices.permanent_identifier', 'users.email'])
      .where('number', '>', after)
      .orderBy('number')
      .limit(CHUNK)
      .execute();
    for (const row of rows) {
      const search = searchText(row, row.email);
      await sql`insert into device_search (rowid, words) values (${row.number}, ${search})`.execute(db);
      await sql`update devices set search = ${search} where number = ${row.number} and search <> ${search}`.execute(db);
    }
    if (rows.length < CHUNK) break;
    after = Number(rows.at(-1)?.number);
  }
  await sql`create trigger device_search_added after insert on devices begin
    insert into device_search (rowid, words) values (new.number, new.search); end`.execute(db);
  await sql`create trigger device_search_changed after update of search on devices when old.search is not new.search begin
    update device_search set words = new.search where rowid = new.number; end`.execute(db);
  await sql`create trigger device_search_removed after delete on devices begin
    delete from device_search where rowid = old.number; end`.execute(db);
}
