import { randomInt } from 'node:crypto';
import { hashOf, newId, newSecret } from './ids.ts';
import type { CeremonyRow, GrantRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
/** A sign-in may take a person some minutes; the device flow's code lives as long. */
export const CEREMONY_MS = 15 * 60_000;
export const GRANT_MS = 15 * 60_000;

function newCode(): string {
  const letters = (count: number) =>
    Array.from({ length: count }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
  return `${letters(3)}-${letters(3)}`;
}

type Announcement = Pick<CeremonyRow, 'permanent_identifier' | 'device_name' | 'os' | 'key_thumbprint'>;

export async function createCeremony(db: Db | Trx, now: number, announced: Announcement): Promise<CeremonyRow> {
  const row: CeremonyRow = {
    id: newId(now),
    code: newCode(),
    ...announced,
    state: 'announced',
    user_id: null,
    invite_id: null,
    oidc_grant_id: null,
    created_at: now,
    expires_at: now + CEREMONY_MS,
  };
  await db.insertInto('ceremonies').values(row).execute();
  return row;
}

/** The ceremony, unless it never was or is over time. */
export async function openCeremony(db: Db | Trx, now: number, id: string): Promise<CeremonyRow | undefined> {
  return db.selectFrom('ceremonies').selectAll().where('id', '=', id).where('expires_at', '>', now).executeTakeFirst();
}

/** Binds a ceremony to the person who confirmed it; false where it was decided, enrolled or expired meanwhile. */
export async function decideCeremony(
  trx: Trx,
  now: number,
  id: string,
  decision: Pick<CeremonyRow, 'state' | 'user_id' | 'invite_id' | 'oidc_grant_id'>,
): Promise<boolean> {
  const result = await trx
    .updateTable('ceremonies')
    .set(decision)
    .where('id', '=', id)
    .where('state', '=', 'announced')
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

type NewGrant = Omit<GrantRow, 'id' | 'hash' | 'created_at' | 'expires_at' | 'used_at' | 'revoked_at'>;

/** A fresh grant for a ceremony; an earlier one that was not used is revoked, so that one at most is live. */
export async function createGrant(trx: Trx, now: number, grant: NewGrant): Promise<{ row: GrantRow; secret: string }> {
  await trx
    .updateTable('grants')
    .set({ revoked_at: now })
    .where('ceremony_id', '=', grant.ceremony_id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();
  const secret = newSecret('grant');
  const row: GrantRow = {
    id: newId(now),
    hash: hashOf(secret),
    ...grant,
    created_at: now,
    expires_at: now + GRANT_MS,
    used_at: null,
    revoked_at: null,
  };
  await trx.insertInto('grants').values(row).execute();
  return { row, secret };
}

export async function findGrant(db: Db | Trx, secret: string): Promise<GrantRow | undefined> {
  return db.selectFrom('grants').selectAll().where('hash', '=', hashOf(secret)).executeTakeFirst();
}

/** Spends a grant: true for exactly one caller, across processes. */
export async function consumeGrant(trx: Trx, now: number, id: string): Promise<boolean> {
  const result = await trx
    .updateTable('grants')
    .set({ used_at: now })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}
