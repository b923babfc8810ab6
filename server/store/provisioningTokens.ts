import { type Actor, audit } from './audit.ts';
import { hashOf, newId, newSecret } from './ids.ts';
import type { ProvisioningTokenRow } from './schema.ts';
import type { Trx } from './store.ts';

type By = { actor: Actor; requestId: string | null };

export type NewProvisioningToken = {
  name: string;
  /** Canonical permanent identifiers; null for any device. */
  identifiers: string[] | null;
  /** Null for no bound. */
  maxUses: number | null;
  expiresAt: number;
};

/** Makes a provisioning token; its secret exists in the answer only. */
export async function createProvisioningToken(
  trx: Trx,
  now: number,
  { actor, requestId, ...token }: NewProvisioningToken & By,
): Promise<{ row: ProvisioningTokenRow; secret: string }> {
  const secret = newSecret('provision');
  const row: ProvisioningTokenRow = {
    id: newId(now),
    hash: hashOf(secret),
    name: token.name,
    created_by: actor.name ?? actor.id ?? actor.type,
    created_at: now,
    expires_at: token.expiresAt,
    max_uses: token.maxUses,
    uses: 0,
    identifiers: token.identifiers === null ? null : JSON.stringify(token.identifiers),
    last_used_at: null,
    revoked_at: null,
  };
  await trx.insertInto('provisioning_tokens').values(row).execute();
  await audit(trx, now, {
    actor,
    requestId,
    action: 'provisioning-token.created',
    subject: { type: 'provisioning-token', id: row.id },
    after: {
      name: row.name,
      expiresAt: new Date(row.expires_at).toISOString(),
      maxUses: row.max_uses,
      identifiers: token.identifiers?.length ?? null,
    },
  });
  return { row, secret };
}

/** Revokes a token; false where there is none, or it is revoked already. */
export async function revokeProvisioningToken(trx: Trx, now: number, id: string, by: By): Promise<boolean> {
  const result = await trx
    .updateTable('provisioning_tokens')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (Number(result.numUpdatedRows) !== 1) return false;
  await audit(trx, now, {
    ...by,
    action: 'provisioning-token.revoked',
    subject: { type: 'provisioning-token', id },
  });
  return true;
}
