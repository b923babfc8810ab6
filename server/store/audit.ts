import { createHash } from 'node:crypto';
import { newId } from './ids.ts';
import type { AuditRow } from './schema.ts';
import { nextNumber, type Trx } from './store.ts';

export type Actor = {
  type: AuditRow['actor_type'];
  id: string | null;
  name: string | null;
  address?: string | null;
};

export type AuditEntry = {
  actor: Actor;
  /** `noun.verb`, such as `device.approved`. */
  action: string;
  subject: { type: string; id: string | null };
  outcome?: 'done' | 'refused';
  code?: string | null;
  /** Field names with their values before and after; never a secret. */
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
  requestId?: string | null;
};

/** Adds one record to the chain, in the transaction of the change that it describes. */
export async function audit(trx: Trx, now: number, entry: AuditEntry): Promise<void> {
  const seq = await nextNumber(trx, 'audit');
  const previous = await trx
    .selectFrom('audit')
    .select('hash')
    .where('seq', '=', seq - 1)
    .executeTakeFirst();
  const row: Omit<AuditRow, 'hash'> = {
    seq,
    id: newId(now),
    at: now,
    actor_type: entry.actor.type,
    actor_id: entry.actor.id,
    actor_name: entry.actor.name,
    address: entry.actor.address ?? null,
    action: entry.action,
    subject_type: entry.subject.type,
    subject_id: entry.subject.id,
    outcome: entry.outcome ?? 'done',
    code: entry.code ?? null,
    before: entry.before ? JSON.stringify(entry.before) : null,
    after: entry.after ? JSON.stringify(entry.after) : null,
    request_id: entry.requestId ?? null,
    prev_hash: previous?.hash ?? '',
  };
  await trx
    .insertInto('audit')
    .values({ ...row, hash: auditHash(row) })
    .execute();
}

/** SHA-256 (base64url) over the JSON array of the columns in the order of their names, `prev_hash` among them. */
export function auditHash(row: Omit<AuditRow, 'hash'>): string {
  const columns = Object.entries(row)
    .filter(([name]) => name !== 'hash')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(columns)).digest('base64url');
}
