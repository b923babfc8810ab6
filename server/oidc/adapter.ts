import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { OidcRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** Keeps what oidc-provider keeps: codes, tokens, sessions, interactions, device codes. Its own expiry check reads `exp` in the payload. */
export function createAdapter(store: Store, now: () => number): (kind: string) => Adapter {
  return (kind) => {
    const toPayload = (row: OidcRow | undefined): AdapterPayload | undefined => {
      if (!row || (row.expires_at !== null && row.expires_at <= now())) return undefined;
      const payload = JSON.parse(row.payload) as AdapterPayload;
      return row.consumed_at === null ? payload : { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
    };
    const find = async (column: 'id' | 'uid' | 'user_code', value: string) =>
      toPayload(
        await store.db
          .selectFrom('oidc_rows')
          .selectAll()
          .where('kind', '=', kind)
          .where(column, '=', value)
          .executeTakeFirst(),
      );
    return {
      find: (id) => find('id', id),
      findByUid: (uid) => find('uid', uid),
      findByUserCode: (code) => find('user_code', code),
      async upsert(id, payload, expiresIn) {
        const columns = {
          payload: JSON.stringify(payload),
          grant_id: payload.grantId ?? null,
          user_code: payload.userCode ?? null,
          uid: payload.uid ?? null,
          expires_at: expiresIn ? now() + expiresIn * 1000 : null,
        };
        await store.write((trx) =>
          trx
            .insertInto('oidc_rows')
            .values({ kind, id, ...columns, consumed_at: null })
            .onConflict((c) => c.columns(['kind', 'id']).doUpdateSet(columns))
            .execute(),
        );
      },
      async consume(id) {
        await store.write((trx) =>
          trx
            .updateTable('oidc_rows')
            .set({ consumed_at: now() })
            .where('kind', '=', kind)
            .where('id', '=', id)
            .execute(),
        );
      },
      async destroy(id) {
        await store.write((trx) => trx.deleteFrom('oidc_rows').where('kind', '=', kind).where('id', '=', id).execute());
      },
      async revokeByGrantId(grantId) {
        await store.write((trx) =>
          trx.deleteFrom('oidc_rows').where('kind', '=', kind).where('grant_id', '=', grantId).execute(),
        );
      },
    };
  };
}
