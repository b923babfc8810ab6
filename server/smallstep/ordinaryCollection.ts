import { audit } from '../store/audit.ts';
import type { CollectionInstanceRow, CollectionRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import type { Call } from './call.ts';
import { type Instance, type Instances, instant, oldestPage } from './instances.ts';
import { refuseSmallstep } from './refusal.ts';

export const findCollection = (db: Db | Trx, slug: string): Promise<CollectionRow | undefined> =>
  db.selectFrom('collections').selectAll().where('slug', '=', slug).executeTakeFirst();

/** Makes a collection where there is none of that name. */
export async function ensureCollection(
  trx: Trx,
  slug: string,
  now: number,
  displayName = slug,
): Promise<CollectionRow> {
  const times = { created_at: now, updated_at: now };
  const row = { slug, display_name: displayName, schema_uri: null, instance_count: 0, ...times };
  await trx
    .insertInto('collections')
    .values(row)
    .onConflict((c) => c.column('slug').doNothing())
    .execute();
  return (await findCollection(trx, slug)) ?? row;
}

/** Names what changed, never the data: it is the script's own. */
export const auditCollection = (
  trx: Trx,
  call: Call,
  action: string,
  slug: string,
  instance: string | null,
): Promise<void> =>
  audit(trx, call.context.now(), {
    ...call.by,
    action,
    subject: { type: 'collection', id: slug },
    after: instance === null ? null : { instance },
  });

const instanceOf = (row: CollectionInstanceRow): Instance => ({
  id: row.id,
  data: JSON.parse(row.data),
  createdAt: instant(row.created_at),
  updatedAt: instant(row.updated_at),
});

/** Every collection but `default`: arbitrary JSON by identifier. */
export const ordinaryInstances: Instances = {
  page: async (call, slug, first, after) => {
    const query = call.context.store.db.selectFrom('collection_instances').selectAll().where('slug', '=', slug);
    const { rows, next } = await oldestPage(query, first, after);
    return { instances: rows.map(instanceOf), next };
  },
  get: async (call, slug, id) => {
    const row = await call.context.store.db
      .selectFrom('collection_instances')
      .selectAll()
      .where('slug', '=', slug)
      .where('id', '=', id)
      .executeTakeFirst();
    return row ? instanceOf(row) : refuseSmallstep(404, 'The collection holds no such instance.');
  },
  put: (call, slug, id, data) =>
    call.write(async (trx) => {
      const now = call.context.now();
      await ensureCollection(trx, slug, now);
      const row = await trx
        .insertInto('collection_instances')
        .values({ slug, id, data, created_at: now, updated_at: now })
        .onConflict((c) => c.columns(['slug', 'id']).doUpdateSet({ data, updated_at: now }))
        .returningAll()
        .executeTakeFirstOrThrow();
      await auditCollection(trx, call, 'instance.saved', slug, id);
      return instanceOf(row);
    }),
  remove: async (call, slug, id) => {
    await call.write(async (trx) => {
      await trx.deleteFrom('collection_instances').where('slug', '=', slug).where('id', '=', id).execute();
      await auditCollection(trx, call, 'instance.deleted', slug, id);
    });
  },
};
