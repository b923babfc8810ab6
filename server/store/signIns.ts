import { hashOf, newSecret } from './ids.ts';
import type { SignInRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

const SIGN_IN_MS = 10 * 60_000;

type Begun = Pick<SignInRow, 'purpose' | 'state' | 'nonce' | 'verifier'>;

/** Notes a walk to the identity provider; the returned secret goes into a cookie of the browser that walks. */
export async function beginSignIn(db: Db | Trx, now: number, walk: Begun): Promise<string> {
  const secret = newSecret('session');
  const row = { hash: hashOf(secret), ...walk, user_id: null, created_at: now, expires_at: now + SIGN_IN_MS };
  await db.insertInto('sign_ins').values(row).execute();
  return secret;
}

/** Takes the row away: a callback counts once, whatever it brings. */
export async function takeSignIn(db: Db | Trx, now: number, secret: string): Promise<SignInRow | undefined> {
  const row = await db
    .deleteFrom('sign_ins')
    .where('hash', '=', hashOf(secret))
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
  return row;
}

/** Notes who came back, for the interaction that waits; a fresh row, since the walk's own is spent. */
export async function rememberSignedIn(trx: Trx, now: number, purpose: string, userId: string): Promise<string> {
  const secret = newSecret('session');
  await trx
    .insertInto('sign_ins')
    .values({
      hash: hashOf(secret),
      purpose,
      state: '',
      nonce: '',
      verifier: '',
      user_id: userId,
      created_at: now,
      expires_at: now + SIGN_IN_MS,
    })
    .execute();
  return secret;
}
