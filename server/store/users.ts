import { newId } from './ids.ts';
import type { UserRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

export async function findUser(db: Db | Trx, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findUserByEmail(db: Db | Trx, email: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('users')
    .selectAll()
    .where('email_lower', '=', email.toLowerCase())
    .orderBy('active', 'desc')
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
}

/** A person known by address only, who becomes (issuer, subject) with the first verified sign-in. */
export async function ensureUserByEmail(
  trx: Trx,
  now: number,
  person: { email: string; displayName?: string | null; role?: string | null },
): Promise<UserRow> {
  const known = await findUserByEmail(trx, person.email);
  if (known) {
    if (person.role === undefined || person.role === known.role) return known;
    await trx.updateTable('users').set({ role: person.role }).where('id', '=', known.id).execute();
    return { ...known, role: person.role };
  }
  const row: UserRow = {
    id: newId(now),
    issuer: null,
    subject: null,
    email: person.email,
    email_lower: person.email.toLowerCase(),
    display_name: person.displayName ?? null,
    role: person.role ?? null,
    active: 1,
    created_at: now,
    last_sign_in_at: null,
  };
  await trx.insertInto('users').values(row).execute();
  return row;
}

export type SignedIn = {
  issuer: string;
  subject: string;
  email: string;
  emailVerified: boolean;
  displayName: string | null;
};

/**
 * The person behind a sign-in: the row of (issuer, subject); else a row known by this verified address only, bound now; else a new one.
 * An address never leads to the row of another subject.
 */
export async function recordSignIn(trx: Trx, now: number, person: SignedIn): Promise<UserRow> {
  const bound = await trx
    .selectFrom('users')
    .selectAll()
    .where('issuer', '=', person.issuer)
    .where('subject', '=', person.subject)
    .executeTakeFirst();
  const seen = { last_sign_in_at: now, email: person.email, email_lower: person.email.toLowerCase() };
  const named = person.displayName === null ? {} : { display_name: person.displayName };
  if (bound) {
    await trx
      .updateTable('users')
      .set({ ...seen, ...named })
      .where('id', '=', bound.id)
      .execute();
    return { ...bound, ...seen, ...named };
  }
  const waiting = person.emailVerified
    ? await trx
        .selectFrom('users')
        .selectAll()
        .where('email_lower', '=', person.email.toLowerCase())
        .where('issuer', 'is', null)
        .orderBy('created_at')
        .executeTakeFirst()
    : undefined;
  if (waiting) {
    const change = { ...seen, ...named, issuer: person.issuer, subject: person.subject };
    await trx.updateTable('users').set(change).where('id', '=', waiting.id).execute();
    return { ...waiting, ...change };
  }
  const row: UserRow = {
    id: newId(now),
    issuer: person.issuer,
    subject: person.subject,
    ...seen,
    display_name: person.displayName,
    role: null,
    active: 1,
    created_at: now,
  };
  await trx.insertInto('users').values(row).execute();
  return row;
}
