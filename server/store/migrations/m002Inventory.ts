import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Tables } from '../schema.ts';

type Columns = Record<string, 'text' | 'text?' | 'integer' | 'integer?'>;

/** Layers of device values, collections beside the inventory, and what MDM connections report. */
export async function up(db: Kysely<Tables>): Promise<void> {
  const table = async (name: string, columns: Columns, key: string[]): Promise<void> => {
    let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
    for (const [column, kind] of Object.entries(columns)) {
      builder = builder.addColumn(column, kind.startsWith('text') ? 'text' : 'bigint', (c) =>
        kind.endsWith('?') ? c : c.notNull(),
      );
    }
    await builder.addPrimaryKeyConstraint(`${name}_pk`, key as [string, ...string[]]).execute();
  };
  const index = (on: string, columns: string[]) =>
    db.schema
      .createIndex(`${on}_by_${columns.join('_')}`)
      .on(on)
      .columns(columns)
      .execute();

  await table(
    'device_layers',
    { device_id: 'text', layer: 'text', fields: 'text', created_at: 'integer', updated_at: 'integer' },
    ['device_id', 'layer'],
  );
  await table(
    'collections',
    { slug: 'text', display_name: 'text', schema_uri: 'text?', created_at: 'integer', updated_at: 'integer' },
    ['slug'],
  );
  await table(
    'collection_instances',
    { slug: 'text', id: 'text', data: 'text', created_at: 'integer', updated_at: 'integer' },
    ['slug', 'id'],
  );
  await index('collection_instances', ['slug', 'created_at', 'id']);
  // The device inventory itself, as the compatible API shows it: there from the start, never deleted.
  const now = Date.now();
  await sql`insert into collections (slug, display_name, created_at, updated_at)
    values ('default', 'Devices', ${now}, ${now})`.execute(db);

  await table(
    'mdm_connections',
    {
      id: 'text',
      source: 'text',
      name: 'text',
      provider: 'text',
      /** Sealed: holds the credentials of the MDM. */
      settings: 'text',
      enabled: 'integer',
      sweep: 'integer',
      checkpoint: 'text?',
      full_sync_at: 'integer?',
      sync_at: 'integer?',
      last_error: 'text?',
      lease_owner: 'text?',
      lease_until: 'integer?',
      created_at: 'integer',
    },
    ['id'],
  );
  await table(
    'mdm_rows',
    {
      connection_id: 'text',
      external_id: 'text',
      device_id: 'text?',
      serial: 'text?',
      fields: 'text',
      raw: 'text',
      outcome: 'text',
      seen_sweep: 'integer',
      missing_sweeps: 'integer',
      created_at: 'integer',
      updated_at: 'integer',
    },
    ['connection_id', 'external_id'],
  );
  await index('mdm_rows', ['device_id']);
  await index('mdm_rows', ['connection_id', 'seen_sweep']);

  // The compatible list sorts by values that may be absent; an index over the same expression keeps its pages cheap at any size.
  for (const column of ['enrolled_at', 'last_seen_at'] as const) {
    await sql`create index ${sql.raw(`devices_by_${column}_or_never`)} on devices (coalesce(${sql.ref(column)}, 0), id)`.execute(
      db,
    );
  }
  await index('devices', ['source', 'id']);
}
