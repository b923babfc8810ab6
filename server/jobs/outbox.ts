import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Db } from '../store/store.ts';

const LETTER = /^([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.eml$/;
const CHUNK = 500;

/** Removes letters from the outbox whose invite was used, was revoked, has expired, or is not known: each holds a link. Returns how many. */
export async function sweepOutbox(db: Db, outbox: string, now: number): Promise<number> {
  const ids = (await lettersIn(outbox)).flatMap((name) => LETTER.exec(name)?.[1] ?? []);
  let removed = 0;
  for (let start = 0; start < ids.length; start += CHUNK) {
    const some = ids.slice(start, start + CHUNK);
    const open = await db
      .selectFrom('invites')
      .select('id')
      .where('id', 'in', some)
      .where('used_at', 'is', null)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', now)
      .execute();
    const kept = new Set(open.map(({ id }) => id));
    for (const id of some) {
      if (kept.has(id)) continue;
      await rm(join(outbox, `${id}.eml`), { force: true });
      removed += 1;
    }
  }
  return removed;
}

/** None where no letter was ever left there. */
async function lettersIn(outbox: string): Promise<string[]> {
  try {
    return await readdir(outbox);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
