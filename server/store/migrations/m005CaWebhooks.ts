import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

/** Certificate authorities that ask the inventory before they issue. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .createTable('ca_webhooks')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('secret', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('last_used_at', 'bigint')
    .execute();
}
