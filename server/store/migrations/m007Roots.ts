import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

/** A root that an administrator no longer trusts stays known, so that no update trusts it again. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('trusted_roots').addColumn('distrusted_at', 'bigint').execute();
}
