import type { Store } from '../store/store.ts';

const LEASE_MS = 2 * 60_000;

/** Two server processes never sync the same connection: the lease row is taken by compare-and-set; undefined where another holds it. */
export async function takeConnection(
  store: Store,
  connectionId: string,
  now: () => number,
): Promise<{ renew(): Promise<void>; release(): Promise<void> } | undefined> {
  const owner = crypto.randomUUID();
  const set = (until: number | null) => ({ lease_owner: until === null ? null : owner, lease_until: until });
  const taken = await store.db
    .updateTable('mdm_connections')
    .set(set(now() + LEASE_MS))
    .where('id', '=', connectionId)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', now())]))
    .executeTakeFirst();
  if (Number(taken.numUpdatedRows) !== 1) return undefined;
  const mine = (until: number | null) =>
    store.db
      .updateTable('mdm_connections')
      .set(set(until))
      .where('id', '=', connectionId)
      .where('lease_owner', '=', owner)
      .executeTakeFirst();
  return {
    renew: async () => {
      const renewed = await mine(now() + LEASE_MS);
      if (Number(renewed.numUpdatedRows) !== 1) throw new Error('Another process took this sync over.');
    },
    release: async () => {
      await mine(null);
    },
  };
}
