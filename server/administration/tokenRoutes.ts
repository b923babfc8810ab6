import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ApiToken, ApiTokenMade, ApiTokenPage, ApiTokenRequest, Id, PageQuery, Scope } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, OWNERS } from '../http/context.ts';
import { createApiToken } from '../setUp.ts';
import type { TokenRow } from '../store/schema.ts';
import { orphansAmong, revokeToken } from '../store/tokens.ts';
import { listPage, time, timeOrNull } from './pages.ts';

const tokenOf = (row: TokenRow, orphaned: boolean): ApiToken => ({
  id: row.id,
  name: row.name,
  scopes: Scope.array().parse(JSON.parse(row.scopes)),
  createdBy: row.created_by,
  orphaned,
  createdAt: time(row.created_at),
  expiresAt: timeOrNull(row.expires_at),
  lastUsedAt: timeOrNull(row.last_used_at),
  revokedAt: timeOrNull(row.revoked_at),
});

/** API tokens: made and revoked by a signed-in owner only, since a token that makes tokens never ends. */
export async function tokenRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const tags = ['API tokens'];
  const config = { access: { kind: 'administrator', roles: OWNERS, scope: null } } as const;
  const one = async (id: string): Promise<ApiToken> => {
    const row = await store.db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) return refuse('not-found');
    return tokenOf(row, (await orphansAmong(store.db, [row])).has(id));
  };

  routes.get(
    '/api/v1/tokens',
    {
      config,
      schema: { tags, summary: 'API tokens, newest first', querystring: PageQuery, response: { 200: ApiTokenPage } },
    },
    async (request, reply) => {
      const query = store.db.selectFrom('tokens').selectAll();
      const { rows, next } = await listPage(context, request, reply, 'tokens', query);
      const orphans = await orphansAmong(store.db, rows);
      return { tokens: rows.map((row) => tokenOf(row, orphans.has(row.id))), next };
    },
  );

  routes.post(
    '/api/v1/tokens',
    {
      config,
      schema: {
        tags,
        summary: 'Make an API token; its secret is shown this once',
        body: ApiTokenRequest,
        response: { 201: ApiTokenMade },
      },
    },
    async (request, reply) => {
      const made = await createApiToken(store, { ...request.body, createdBy: actorOf(request) }, now());
      return reply.code(201).send({ token: await one(made.id), secret: made.secret });
    },
  );

  routes.delete(
    '/api/v1/tokens/:id',
    {
      config,
      schema: { tags, summary: 'Revoke an API token', params: z.object({ id: Id }), response: { 200: ApiToken } },
    },
    async (request) => {
      const { id } = request.params;
      await one(id);
      const by = { actor: actorOf(request), requestId: request.id };
      await store.write((trx) => revokeToken(trx, now(), id, by));
      return one(id);
    },
  );
}
