import { randomBytes } from 'node:crypto';
import { hashOf } from './ids.ts';
import type { ChallengeRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

export const CHALLENGE_MS = 5 * 60_000;
export const QUOTED_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

type For = { purpose: 'enrol'; grantId: string } | { purpose: 'reattest'; deviceId: string };

/** 32 random bytes for one certify and quote; only their hash is kept. */
export async function createChallenge(
  db: Db | Trx,
  now: number,
  target: For,
): Promise<{ challenge: Uint8Array; row: ChallengeRow }> {
  const challenge = randomBytes(32);
  const row: ChallengeRow = {
    hash: hashOf(challenge),
    purpose: target.purpose,
    grant_id: target.purpose === 'enrol' ? target.grantId : null,
    device_id: target.purpose === 'reattest' ? target.deviceId : null,
    pcrs: JSON.stringify(QUOTED_PCRS),
    created_at: now,
    expires_at: now + CHALLENGE_MS,
    used_at: null,
  };
  await dropOldest(db, target);
  await db.insertInto('challenges').values(row).execute();
  return { challenge, row };
}

/** Open challenges of one grant or device: a client that asks again pushes its own oldest out, so that none fills the store. */
const PER_HOLDER = 8;

async function dropOldest(db: Db | Trx, target: For): Promise<void> {
  const open = await db
    .selectFrom('challenges')
    .select('hash')
    .where(
      target.purpose === 'enrol' ? 'grant_id' : 'device_id',
      '=',
      target.purpose === 'enrol' ? target.grantId : target.deviceId,
    )
    .orderBy('created_at', 'desc')
    .orderBy('hash')
    .offset(PER_HOLDER - 1)
    .limit(PER_HOLDER * 2)
    .execute();
  if (open.length === 0) return;
  const hashes = open.map(({ hash }) => hash);
  await db.deleteFrom('challenges').where('hash', 'in', hashes).execute();
}

/** Spends a challenge of exactly this grant or device; undefined where it is old, spent, another's or none of ours. */
export async function spendChallenge(
  trx: Trx,
  now: number,
  challenge: Uint8Array,
  target: For,
): Promise<ChallengeRow | undefined> {
  const query = trx
    .updateTable('challenges')
    .set({ used_at: now })
    .where('hash', '=', hashOf(challenge))
    .where('purpose', '=', target.purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now);
  const bound =
    target.purpose === 'enrol'
      ? query.where('grant_id', '=', target.grantId)
      : query.where('device_id', '=', target.deviceId);
  return bound.returningAll().executeTakeFirst();
}
