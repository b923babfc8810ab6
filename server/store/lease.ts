import { hostname } from 'node:os';
import { ServerError } from '../error.ts';
import type { Store } from './store.ts';

const BEAT_MS = 5_000;
const STALE_MS = 20_000;

type Lease = { host: string; pid: number; token: string; at: number };

/**
 * One process owns an embedded store. Takes the lease row or throws `store-in-use`; a lease whose process is gone (killed) is taken
 * over at once. Returns the way to give it back.
 */
export async function takeLease(store: Store, now: () => number): Promise<() => Promise<void>> {
  const token = crypto.randomUUID();
  const mine = (): string => JSON.stringify({ host: hostname(), pid: process.pid, token, at: now() } satisfies Lease);
  await store.write(async (trx) => {
    const row = await trx.selectFrom('meta').select('value').where('key', '=', 'lease').executeTakeFirst();
    if (row) {
      const held = JSON.parse(row.value) as Lease;
      if (isAlive(held, now())) {
        throw new ServerError(
          'store-in-use',
          `Another Muster server (process ${held.pid}) uses this store. Stop it first, or choose another folder.`,
        );
      }
    }
    await trx
      .insertInto('meta')
      .values({ key: 'lease', value: mine() })
      .onConflict((c) => c.column('key').doUpdateSet({ value: mine() }))
      .execute();
  });
  const beat = setInterval(() => {
    store.db
      .updateTable('meta')
      .set({ value: mine() })
      .where('key', '=', 'lease')
      .where('value', 'like', `%${token}%`)
      .execute()
      // A missed beat only lets the lease age; the store reports real trouble on the next request.
      .catch(() => undefined);
  }, BEAT_MS);
  beat.unref();
  return async () => {
    clearInterval(beat);
    await store.db.deleteFrom('meta').where('key', '=', 'lease').where('value', 'like', `%${token}%`).execute();
  };
}

function isAlive(lease: Lease, now: number): boolean {
  if (lease.host !== hostname()) return now - lease.at < STALE_MS;
  // A lease of this very process is held by another server object in it.
  if (lease.pid === process.pid) return true;
  try {
    process.kill(lease.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // The number may have gone to another process: then nobody has beaten for a while.
  return Math.abs(now - lease.at) < STALE_MS;
}
