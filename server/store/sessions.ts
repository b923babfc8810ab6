import { hashOf, newSecret } from './ids.ts';
import type { SessionRow, UserRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

export const SESSION_IDLE_MS = 30 * 60_000;
export const SESSION_MAX_MS = 12 * 3_600_000;
/** How often a session's last use is written: not with every request. */
const TOUCH_MS = 60_000;

export async function createSession(trx: Trx, now: number, userId: string): Promise<string> {
  const secret = newSecret('session');
  const row: SessionRow = {
    hash: hashOf(secret),
    user_id: userId,
    created_at: now,
    seen_at: now,
    expires_at: now + SESSION_MAX_MS,
    revoked_at: null,
  };
  await trx.insertInto('sessions').values(row).execute();
  return secret;
}

/** The live session behind a cookie with its person; ends with the person's account and role, after half an hour of silence, after 12 hours. */
export async function findSession(
  db: Db,
  now: number,
  secret: string,
  /** False for a mere look: an open stream is no sign of a person. */
  touch = true,
): Promise<{ session: SessionRow; user: UserRow } | undefined> {
  const session = await db
    .selectFrom('sessions')
    .selectAll()
    .where('hash', '=', hashOf(secret))
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where('seen_at', '>', now - SESSION_IDLE_MS)
    .executeTakeFirst();
  if (!session) return undefined;
  const user = await db
    .selectFrom('users')
    .selectAll()
    .where('id', '=', session.user_id)
    .where('active', '=', 1)
    .executeTakeFirst();
  if (!user) return undefined;
  if (touch && now - session.seen_at > TOUCH_MS) {
    await db.updateTable('sessions').set({ seen_at: now }).where('hash', '=', session.hash).execute();
  }
  return { session, user };
}

export async function revokeSession(trx: Trx, now: number, hash: string): Promise<void> {
  await trx.updateTable('sessions').set({ revoked_at: now }).where('hash', '=', hash).execute();
}
