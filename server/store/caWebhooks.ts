import type { KeyEncryptionKey } from '../keys/keyring.ts';
import { seal, unseal } from '../keys/keyring.ts';
import type { CaWebhookRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

const USED_MS = 60_000;
/** What a sealed secret is bound to: it opens for its own webhook only. */
export const sealContext = (id: string): string => `ca-webhook:${id}`;

export const findCaWebhook = (db: Db | Trx, id: string): Promise<CaWebhookRow | undefined> =>
  db.selectFrom('ca_webhooks').selectAll().where('id', '=', id).executeTakeFirst();

/** Notes that a webhook was used, at most once a minute. */
export async function touchCaWebhook(db: Db, now: number, row: CaWebhookRow): Promise<void> {
  if (row.last_used_at !== null && now - Number(row.last_used_at) < USED_MS) return;
  await db.updateTable('ca_webhooks').set({ last_used_at: now }).where('id', '=', row.id).execute();
}

/** Seals every secret anew under `next`, in the transaction of a key rotation; returns how many. */
export async function resealCaWebhooks(trx: Trx, current: KeyEncryptionKey, next: KeyEncryptionKey): Promise<number> {
  const rows = await trx.selectFrom('ca_webhooks').select(['id', 'secret']).execute();
  for (const { id, secret } of rows) {
    const sealed = seal(next, sealContext(id), unseal(current, sealContext(id), secret));
    await trx.updateTable('ca_webhooks').set({ secret: sealed }).where('id', '=', id).execute();
  }
  return rows.length;
}
