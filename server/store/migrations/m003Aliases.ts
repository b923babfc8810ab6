import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

/** Aliases that a TPM proved itself, removals that may be taken back, conflicts by their second record, challenges by their holder. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('activations').addColumn('device_id', 'text').execute();
  await db.schema.alterTable('identifiers').addColumn('evidence_id', 'text').execute();
  await db.schema.alterTable('devices').addColumn('removed_by', 'text').execute();
  await db.schema.alterTable('device_keys').addColumn('refused', 'bigint').execute();
  await db.schema.createIndex('conflicts_by_candidate_id').on('conflicts').column('candidate_id').execute();
  await db.schema.createIndex('challenges_by_grant_id').on('challenges').column('grant_id').execute();
  await db.schema.createIndex('challenges_by_device_id').on('challenges').column('device_id').execute();
}
