import { type Actor, audit } from './audit.ts';
import type { TokenRow, UserRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

type By = { actor: Actor; requestId: string | null };

/** Revokes an API token; false where it is revoked already. */
export async function revokeToken(
  trx: Trx,
  now: number,
  id: string,
  by: By,
  after?: { reason: string },
): Promise<boolean> {
  const result = await trx
    .updateTable('tokens')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (Number(result.numUpdatedRows) !== 1) return false;
  await audit(trx, now, {
    ...by,
    action: 'token.revoked',
    subject: { type: 'token', id },
    ...(after ? { after } : {}),
  });
  return true;
}

/** API tokens of a person that can still be used. */
export async function liveTokensOf(trx: Trx, now: number, userId: string): Promise<TokenRow[]> {
  return trx
    .selectFrom('tokens')
    .selectAll()
    .where('created_by_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .orderBy('created_at')
    .execute();
}

/** Only a signed-in owner makes tokens. */
export const mayMakeTokens = ({ role, active }: Pick<UserRow, 'role' | 'active'>): boolean =>
  role === 'owner' && active === 1;

/** Which of these tokens were made by a person who could not make them now. */
export async function orphansAmong(db: Db | Trx, tokens: readonly TokenRow[]): Promise<Set<string>> {
  const makers = [...new Set(tokens.flatMap(({ created_by_id: id }) => (id === null ? [] : [id])))];
  if (makers.length === 0) return new Set();
  const people = await db.selectFrom('users').select(['id', 'role', 'active']).where('id', 'in', makers).execute();
  const owners = new Set(people.filter(mayMakeTokens).map(({ id }) => id));
  return new Set(tokens.filter(({ created_by_id: id }) => id !== null && !owners.has(id)).map(({ id }) => id));
}
