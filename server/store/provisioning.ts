import { sql } from 'kysely';
import { hashOf, isSecret } from './ids.ts';
import type { ProvisioningTokenRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

/** The provisioning token of a secret while it permits enrolments: not expired, revoked or used up. */
export async function openProvisioningToken(
  db: Db | Trx,
  now: number,
  secret: string,
): Promise<ProvisioningTokenRow | undefined> {
  if (!isSecret('provision', secret)) return undefined;
  return db
    .selectFrom('provisioning_tokens')
    .selectAll()
    .where('hash', '=', hashOf(secret))
    .where('expires_at', '>', now)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('max_uses', 'is', null), eb('uses', '<', eb.ref('max_uses'))]))
    .executeTakeFirst();
}

/** Counts one completed enrolment; false where the token was used up, revoked or expired meanwhile. */
export async function consumeProvisioningToken(trx: Trx, now: number, id: string): Promise<boolean> {
  const result = await trx
    .updateTable('provisioning_tokens')
    .set({ uses: sql<number>`uses + 1`, last_used_at: now })
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('max_uses', 'is', null), eb('uses', '<', eb.ref('max_uses'))]))
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}
