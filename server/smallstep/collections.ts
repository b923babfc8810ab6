import { audit } from '../store/audit.ts';
import type { CollectionInstanceRow, CollectionRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { CollectionUpdate, dataText, InstanceBody, NewCollection, parseBody, parseSlug } from './bodies.ts';
import { decodeCursor, listName, nextCursor } from './cursor.ts';
import { DEFAULT_SLUG, type DefaultCollection, defaultCollection } from './defaultCollection.ts';
import type { Answer, Call, RouteTable } from './mount.ts';
import { rawQuery, tailOfPath } from './path.ts';
import { parsePagination } from './query.ts';
import { refuseSmallstep } from './refusal.ts';

const VERSIONS = ['2023-11-01'] as const;
const NO_SCHEMA = 'Instances are not checked against a schema here, so a schemaURI would promise what does not happen.';

/** An instance as every collection answers it. */
export type Instance = { id: string; data: unknown; createdAt: string; updatedAt: string };
export const instant = (at: number): string => new Date(Number(at)).toISOString();

const findCollection = (db: Db | Trx, slug: string): Promise<CollectionRow | undefined> =>
  db.selectFrom('collections').selectAll().where('slug', '=', slug).executeTakeFirst();

async function collectionBody(call: Call, row: CollectionRow): Promise<Record<string, unknown>> {
  const count =
    row.slug === DEFAULT_SLUG
      ? await defaultCollection.count(call)
      : await call.context.store.db
          .selectFrom('collection_instances')
          .select((eb) => eb.fn.countAll().as('count'))
          .where('slug', '=', row.slug)
          .executeTakeFirstOrThrow()
          .then((found) => Number(found.count));
  return {
    slug: row.slug,
    displayName: row.display_name,
    instanceCount: count,
    createdAt: instant(row.created_at),
    updatedAt: instant(row.updated_at),
  };
}

/** Errors: 404. */
async function namedCollection(call: Call, db: Db | Trx): Promise<CollectionRow> {
  const row = await findCollection(db, parseSlug(call.param('collectionSlug')));
  return row ?? refuseSmallstep(404, 'There is no such collection.');
}

async function ensureCollection(trx: Trx, slug: string, now: number, displayName = slug): Promise<CollectionRow> {
  const row = { slug, display_name: displayName, schema_uri: null, created_at: now, updated_at: now };
  await trx
    .insertInto('collections')
    .values(row)
    .onConflict((c) => c.column('slug').doNothing())
    .execute();
  return (await findCollection(trx, slug)) ?? row;
}

/** Names what changed, never the data: it is the script's own. */
const auditCollection = (trx: Trx, call: Call, action: string, slug: string, instance: string | null): Promise<void> =>
  audit(trx, call.context.now(), {
    ...call.by,
    action,
    subject: { type: 'collection', id: slug },
    after: instance === null ? null : { instance },
  });

export const collectionRoutes: RouteTable = [
  {
    method: 'GET',
    url: '/collections',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => {
      const { first, after } = parsePagination(rawQuery(call.url));
      const list = listName('collections');
      const from = after === null ? '' : decodeCursor(call.context.cursorKey, list, after).id;
      const rows = await call.context.store.db
        .selectFrom('collections')
        .selectAll()
        .where('slug', '>', from)
        .orderBy('slug')
        .limit(first + 1)
        .execute();
      const page = rows.slice(0, first);
      const last = page.at(-1);
      const next = rows.length > first && last ? { value: last.slug, id: last.slug } : null;
      return {
        body: await Promise.all(page.map((row) => collectionBody(call, row))),
        headers: nextCursor(call, list, next),
      };
    },
  },
  {
    method: 'POST',
    url: '/collections',
    versions: VERSIONS,
    scope: 'devices:write',
    handler: async (call) => {
      const asked = parseBody(NewCollection, call.request.body);
      if (asked.schemaURI) return refuseSmallstep(412, NO_SCHEMA);
      const row = await call.write(async (trx) => {
        if (await findCollection(trx, asked.slug)) {
          return refuseSmallstep(409, 'A collection with this slug exists already.');
        }
        await auditCollection(trx, call, 'collection.created', asked.slug, null);
        return ensureCollection(trx, asked.slug, call.context.now(), asked.displayName || asked.slug);
      });
      return { status: 201, body: await collectionBody(call, row) };
    },
  },
  {
    method: 'GET',
    url: '/collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => ({ body: await collectionBody(call, await namedCollection(call, call.context.store.db)) }),
  },
  {
    method: 'PUT',
    url: '/collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'devices:write',
    handler: async (call) => {
      const asked = parseBody(CollectionUpdate, call.request.body);
      if (asked.schemaURI) return refuseSmallstep(412, NO_SCHEMA);
      const row = await call.write(async (trx) => {
        const known = await namedCollection(call, trx);
        const { slug } = known;
        if (asked.slug !== undefined && asked.slug !== slug) {
          return refuseSmallstep(400, 'The slug of a collection cannot be changed.');
        }
        const change = { display_name: asked.displayName, updated_at: call.context.now() };
        await trx.updateTable('collections').set(change).where('slug', '=', slug).execute();
        await auditCollection(trx, call, 'collection.updated', slug, null);
        return { ...known, ...change };
      });
      return { body: await collectionBody(call, row) };
    },
  },
  {
    method: 'DELETE',
    url: '/collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'devices:decide',
    handler: async (call) => {
      const slug = parseSlug(call.param('collectionSlug'));
      if (slug === DEFAULT_SLUG) {
        return refuseSmallstep(400, 'The collection "default" is the device inventory; delete its devices one by one.');
      }
      await call.write(async (trx) => {
        await trx.deleteFrom('collection_instances').where('slug', '=', slug).execute();
        await trx.deleteFrom('collections').where('slug', '=', slug).execute();
        await auditCollection(trx, call, 'collection.deleted', slug, null);
      });
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    url: '/collections/:collectionSlug/items',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => {
      const { slug } = await namedCollection(call, call.context.store.db);
      const { first, after } = parsePagination(rawQuery(call.url));
      const list = listName('items', slug);
      const position = after === null ? null : decodeCursor(call.context.cursorKey, list, after);
      const page = await (slug === DEFAULT_SLUG ? defaultCollection.page : ordinaryPage)(call, slug, first, position);
      return {
        body: page.instances,
        headers: nextCursor(call, list, page.next),
      };
    },
  },
  ...(['GET', 'PUT', 'DELETE'] as const).map((method) => ({
    method,
    url: '/collections/:collectionSlug/instances/*',
    versions: VERSIONS,
    scope:
      method === 'GET'
        ? ('devices:read' as const)
        : method === 'PUT'
          ? ('devices:write' as const)
          : ('devices:decide' as const),
    handler: (call: Call) => instanceCall(call, method),
  })),
];

async function instanceCall(call: Call, method: 'GET' | 'PUT' | 'DELETE'): Promise<Answer> {
  const slug = parseSlug(call.param('collectionSlug'));
  const { identifier, data } = tailOfPath(call.url, 'instances');
  const keeper: DefaultCollection = slug === DEFAULT_SLUG ? defaultCollection : ordinary;
  switch (method) {
    case 'GET': {
      const found = await keeper.get(call, slug, identifier);
      return data ? bare(found) : { body: found };
    }
    case 'PUT': {
      const value = data ? call.request.body : parseBody(InstanceBody, call.request.body).data;
      const saved = await keeper.put(call, slug, identifier, dataText(value));
      return data ? bare(saved) : { body: saved };
    }
    case 'DELETE':
      if (data) return refuseSmallstep(404, 'Only the instance as a whole can be deleted.');
      await keeper.remove(call, slug, identifier);
      return { status: 204 };
    default:
      return method satisfies never;
  }
}

const bare = (instance: Instance): Answer => ({
  body: instance.data,
  headers: { 'x-created-at': instance.createdAt, 'x-updated-at': instance.updatedAt },
});

const instanceOf = (row: CollectionInstanceRow): Instance => ({
  id: row.id,
  data: JSON.parse(row.data),
  createdAt: instant(row.created_at),
  updatedAt: instant(row.updated_at),
});

async function ordinaryPage(
  call: Call,
  slug: string,
  first: number,
  after: { value: string | number; id: string } | null,
) {
  let query = call.context.store.db
    .selectFrom('collection_instances')
    .selectAll()
    .where('slug', '=', slug)
    .orderBy('created_at')
    .orderBy('id')
    .limit(first + 1);
  if (after) {
    const at = Number(after.value);
    query = query
      .where('created_at', '>=', at)
      .where((eb) => eb.or([eb('created_at', '>', at), eb('id', '>', after.id)]));
  }
  const rows = await query.execute();
  const page = rows.slice(0, first);
  const last = page.at(-1);
  return {
    instances: page.map(instanceOf),
    next: rows.length > first && last ? { value: Number(last.created_at), id: last.id } : null,
  };
}

/** Every collection but `default`: arbitrary JSON by identifier. */
const ordinary: DefaultCollection = {
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
