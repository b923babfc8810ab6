import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ApiToken, ApiTokenMade, ApiTokenPage, ApiTokenRequest, Id, PageQuery, Scope } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, OWNERS } from '../http/context.ts';
import { createApiToken } from '../setUp.ts';
import { audit } from '../store/audit.ts';
import type { TokenRow } from '../store/schema.ts';
import { listPage, time, timeOrNull } from './pages.ts';

const tokenOf = (row: TokenRow): ApiToken => ({
  id: row.id,
  name: row.name,
  scopes: Scope.array().parse(JSON.parse(row.scopes)),
  createdBy: row.created_by,
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
  const find = (id: string) => store.db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();

  routes.get(
    '/api/v1/tokens',
    {
      config,
      schema: { tags, summary: 'API tokens, newest first', querystring: PageQuery, response: { 200: ApiTokenPage } },
    },
    async (request, reply) => {
      const query = store.db.selectFrom('tokens').selectAll();
      const { rows, next } = await listPage(context, request, reply, 'tokens', query);
      return { tokens: rows.map(tokenOf), next };
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
      const row = (await find(made.id)) ?? refuse('internal');
      return reply.code(201).send({ token: tokenOf(row), secret: made.secret });
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
      if (!(await find(id))) return refuse('not-found');
      await store.write(async (trx) => {
        const result = await trx
          .updateTable('tokens')
          .set({ revoked_at: now() })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst();
        if (Number(result.numUpdatedRows) !== 1) return;
        await audit(trx, now(), {
          actor: actorOf(request),
          action: 'token.revoked',
          subject: { type: 'token', id },
          requestId: request.id,
        });
      });
      return tokenOf((await find(id)) ?? refuse('not-found'));
    },
  );
}
