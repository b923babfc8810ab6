import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

/** Where the judging of devices goes on after the trust in a certificate changed; null where it is through. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('trusted_roots').addColumn('judge_after', 'text').execute();
}
