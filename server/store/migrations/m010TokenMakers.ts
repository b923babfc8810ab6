import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema.ts';

/** Who made an API token, by id: an address may come to name another person. */
export async function up(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('tokens').addColumn('created_by_id', 'text').execute();
  await db
    .updateTable('tokens')
    .set({
      // Tokens were made by signed-in owners: of several people with one address, one who signed in.
      created_by_id: sql<string | null>`(select id from users where email_lower = lower(tokens.created_by)
        order by last_sign_in_at is null, created_at limit 1)`,
    })
    .execute();
}
