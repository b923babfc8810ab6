import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema.ts';

/** What one person or token did is found by an index, by id or by name in whatever case. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.createIndex('audit_by_actor_id').on('audit').columns(['actor_id', 'seq']).execute();
  await sql`create index audit_by_actor_name on audit (lower(actor_name), seq)`.execute(db);
}
