import { refuse } from '../error.ts';
import { audit } from './audit.ts';
import { hashOf, newSecret } from './ids.ts';
import type { UserRow } from './schema.ts';
import type { Db, Store, Trx } from './store.ts';
import { ensureUserByEmail } from './users.ts';

const SETUP_MS = 86_400_000;
const KEY = 'setup';

export async function hasOwner(db: Db | Trx): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'owner')
    .where('active', '=', 1)
    .executeTakeFirst();
  return row !== undefined;
}

/** A one-time secret that makes its bearer's address the first owner; a new one ends the former. Undefined where there is an owner. */
export async function newSetupSecret(store: Store, now: number): Promise<string | undefined> {
  return store.write(async (trx) => {
    if (await hasOwner(trx)) return undefined;
    const secret = newSecret('setup');
    const value = JSON.stringify({ hash: hashOf(secret), expiresAt: now + SETUP_MS });
    await trx
      .insertInto('meta')
      .values({ key: KEY, value })
      .onConflict((c) => c.column('key').doUpdateSet({ value }))
      .execute();
    return secret;
  });
}

/** Spends the secret: the address becomes the owner's, who then signs in at the identity provider. Error: `setup-refused`. */
export async function redeemSetup(
  trx: Trx,
  now: number,
  { secret, email, address, requestId }: { secret: string; email: string; address: string; requestId: string },
): Promise<UserRow> {
  const row = await trx.selectFrom('meta').select('value').where('key', '=', KEY).executeTakeFirst();
  const stored = row ? (JSON.parse(row.value) as { hash: string; expiresAt: number }) : undefined;
  if (!stored || stored.hash !== hashOf(secret) || stored.expiresAt <= now || (await hasOwner(trx))) {
    return refuse('setup-refused', 'This set-up link was used, has expired, or was replaced by a newer one.');
  }
  await trx.deleteFrom('meta').where('key', '=', KEY).execute();
  const user = await ensureUserByEmail(trx, now, { email, role: 'owner' });
  await audit(trx, now, {
    actor: { type: 'person', id: user.id, name: email, address },
    action: 'person.role',
    subject: { type: 'person', id: user.id },
    after: { email, role: 'owner', by: 'set-up link' },
    requestId,
  });
  return user;
}
