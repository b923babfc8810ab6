import { newId } from './ids.ts';
import type { EvidenceRow } from './schema.ts';
import type { Trx } from './store.ts';

/** Keeps the bytes and the verdict of one attestation. Nothing changes them afterwards. */
export async function insertEvidence(
  trx: Trx,
  now: number,
  evidence: Omit<EvidenceRow, 'id' | 'created_at'>,
): Promise<string> {
  const id = newId(now);
  await trx
    .insertInto('evidence')
    .values({ id, ...evidence, created_at: now })
    .execute();
  return id;
}
