import type { Db, Trx } from './store.ts';

/** Remembers a single-use value; false where it was used before within its window. Atomic across processes. */
export async function spendNonce(db: Db | Trx, scope: string, nonce: string, expiresAt: number): Promise<boolean> {
  const result = await db
    .insertInto('nonces')
    .values({ scope, nonce, expires_at: expiresAt })
    .onConflict((c) => c.columns(['scope', 'nonce']).doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0) === 1;
}
