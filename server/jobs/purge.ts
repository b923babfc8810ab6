import type { Store } from '../store/store.ts';

const DAY_MS = 86_400_000;
const EVENTS_MS = 7 * DAY_MS;

/** Removes what has expired: a bounded store whatever strangers ask for. What people decided is never removed here. */
export async function purge(store: Store, now: number): Promise<void> {
  const expired = ['nonces', 'challenges', 'activations', 'sign_ins', 'sessions'] as const;
  for (const table of expired) {
    await store.write(async (trx) => {
      await trx.deleteFrom(table).where('expires_at', '<=', now).execute();
    });
  }
  await store.write(async (trx) => {
    await trx.deleteFrom('oidc_rows').where('expires_at', '<=', now).execute();
    await trx
      .deleteFrom('ceremonies')
      .where('expires_at', '<=', now - DAY_MS)
      .execute();
    await trx
      .deleteFrom('grants')
      .where('expires_at', '<=', now - DAY_MS)
      .execute();
    await trx
      .deleteFrom('ak_certificates')
      .where('expires_at', '<=', now - 30 * DAY_MS)
      .execute();
    await trx
      .deleteFrom('events')
      .where('at', '<=', now - EVENTS_MS)
      .execute();
  });
}
