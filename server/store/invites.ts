import { hashOf, isSecret } from './ids.ts';
import type { InviteRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

/** The invite of a secret while it may be used: not expired, revoked or used. */
export async function openInvite(db: Db | Trx, now: number, secret: string): Promise<InviteRow | undefined> {
  return isSecret('invite', secret) ? openInviteByHash(db, now, hashOf(secret)) : undefined;
}

/** The same by what is stored of the secret: never with a hash that a client sent. */
export async function openInviteByHash(db: Db | Trx, now: number, hash: string): Promise<InviteRow | undefined> {
  return db
    .selectFrom('invites')
    .selectAll()
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
}

export async function markInviteOpened(trx: Trx, now: number, id: string): Promise<void> {
  await trx
    .updateTable('invites')
    .set({ opened_at: now })
    .where('id', '=', id)
    .where('opened_at', 'is', null)
    .execute();
}

/** Spends an invite on a completed enrolment: true for exactly one caller. */
export async function consumeInvite(trx: Trx, now: number, id: string, deviceId: string): Promise<boolean> {
  const result = await trx
    .updateTable('invites')
    .set({ used_at: now, device_id: deviceId })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}
