import type { CollectionRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { CollectionUpdate, dataText, InstanceBody, NewCollection, parseBody, parseSlug } from './bodies.ts';
import type { Answer, Call, RouteTable } from './call.ts';
import { decodeCursor, listName, nextCursor } from './cursor.ts';
import { DEFAULT_SLUG, deviceInstances } from './defaultCollection.ts';
import { type Instance, type Instances, instant } from './instances.ts';
import { auditCollection, ensureCollection, findCollection, ordinaryInstances } from './ordinaryCollection.ts';
import { rawQuery, tailOfPath } from './path.ts';
import { parsePagination } from './query.ts';
import { refuseSmallstep } from './refusal.ts';

const VERSIONS = ['2023-11-01'] as const;
const INSTANCE_SCOPES = { GET: 'devices:read', PUT: 'devices:write', DELETE: 'devices:decide' } as const;
const NO_SCHEMA = 'Instances are not checked against a schema here, so a schemaURI would promise what does not happen.';

const bodyOf = (row: CollectionRow) => ({
  slug: row.slug,
  displayName: row.display_name,
  instanceCount: Number(row.instance_count),
  createdAt: instant(row.created_at),
  updatedAt: instant(row.updated_at),
});

const instancesOf = (slug: string): Instances => (slug === DEFAULT_SLUG ? deviceInstances : ordinaryInstances);

/** Errors: 404. */
async function namedCollection(call: Call, db: Db | Trx): Promise<CollectionRow> {
  const row = await findCollection(db, parseSlug(call.param('collectionSlug')));
  return row ?? refuseSmallstep(404, 'There is no such collection.');
}

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
        body: page.map(bodyOf),
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
      return { status: 201, body: bodyOf(row) };
    },
  },
  {
    method: 'GET',
    url: '/collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => ({ body: bodyOf(await namedCollection(call, call.context.store.db)) }),
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
      return { body: bodyOf(row) };
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
      const { instances, next } = await instancesOf(slug).page(call, slug, first, position);
      return { body: instances, headers: nextCursor(call, list, next) };
    },
  },
  ...Object.entries(INSTANCE_SCOPES).map(([method, scope]) => ({
    method: method as keyof typeof INSTANCE_SCOPES,
    url: '/collections/:collectionSlug/instances/*',
    versions: VERSIONS,
    scope,
    handler: (call: Call) => instanceCall(call, method as keyof typeof INSTANCE_SCOPES),
  })),
];

async function instanceCall(call: Call, method: keyof typeof INSTANCE_SCOPES): Promise<Answer> {
  const slug = parseSlug(call.param('collectionSlug'));
  const { identifier, data } = tailOfPath(call.url, 'instances');
  const keeper = instancesOf(slug);
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
