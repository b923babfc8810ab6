import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const CHUNK = 1000;

/** Tags stand in the device's row too, as a JSON array, so that a list shows them and is narrowed down by one. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .alterTable('devices')
    .addColumn('tags', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute();
  for (let after = ''; ; ) {
    const rows = await db
      .selectFrom('device_layers')
      .select(['device_id', 'fields'])
      .where('layer', '=', 'explicit')
      .where('device_id', '>', after)
      .orderBy('device_id')
      .limit(CHUNK)
      .execute();
    for (const { device_id: id, fields } of rows) {
      const { tags } = JSON.parse(fields) as { tags?: string[] };
      if (tags && tags.length > 0)
        await db
          .updateTable('devices')
          .set({ tags: JSON.stringify(tags) })
          .where('id', '=', id)
          .execute();
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last.device_id;
  }
}
