import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  Id,
  PageQuery,
  ProvisioningToken,
  ProvisioningTokenMade,
  ProvisioningTokenPage,
  ProvisioningTokenRequest,
} from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, OWNERS, READERS } from '../http/context.ts';
import { canonicalIdentifier, IdentifierFault } from '../inventory/identifiers.ts';
import { createProvisioningToken, revokeProvisioningToken } from '../store/provisioningTokens.ts';
import type { ProvisioningTokenRow } from '../store/schema.ts';
import { listPage, time, timeOrNull } from './pages.ts';

const DAY_MS = 86_400_000;
const ById = z.object({ id: Id });

function stateOf(row: ProvisioningTokenRow, now: number): ProvisioningToken['state'] {
  if (row.revoked_at !== null) return 'revoked';
  if (row.expires_at <= now) return 'expired';
  return row.max_uses !== null && row.uses >= row.max_uses ? 'used-up' : 'active';
}

const tokenOf = (row: ProvisioningTokenRow, now: number): ProvisioningToken => ({
  id: row.id,
  name: row.name,
  state: stateOf(row, now),
  createdBy: row.created_by,
  createdAt: time(row.created_at),
  expiresAt: time(row.expires_at),
  maxUses: row.max_uses,
  uses: row.uses,
  lastUsedAt: timeOrNull(row.last_used_at),
  identifiers: row.identifiers === null ? null : (JSON.parse(row.identifiers) as string[]).length,
  revokedAt: timeOrNull(row.revoked_at),
});

/** Canonical spellings, so that a list written by hand matches what devices prove. Error: `invalid-request`. */
function canonical(identifiers: readonly string[]): string[] {
  return identifiers.map((text, index) => {
    try {
      return canonicalIdentifier(text);
    } catch (error) {
      if (!(error instanceof IdentifierFault)) throw error;
      const errors = [{ pointer: `#/identifiers/${index}`, detail: error.message }];
      return refuse('invalid-request', undefined, { errors });
    }
  });
}

/** Provisioning tokens, which IT pushes in policy: each permits enrolments, never approval or ownership. */
export async function provisioningRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const tags = ['provisioning tokens'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'people:write' } } as const;
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: 'people:write' } } as const;
  const find = (id: string) =>
    store.db.selectFrom('provisioning_tokens').selectAll().where('id', '=', id).executeTakeFirst();

  routes.get(
    '/api/v1/provisioning-tokens',
    {
      config: read,
      schema: {
        tags,
        summary: 'Provisioning tokens, newest first',
        querystring: PageQuery,
        response: { 200: ProvisioningTokenPage },
      },
    },
    async (request, reply) => {
      const query = store.db.selectFrom('provisioning_tokens').selectAll();
      const { rows, next } = await listPage(context, request, reply, 'provisioning-tokens', query);
      return { tokens: rows.map((row) => tokenOf(row, now())), next };
    },
  );

  routes.post(
    '/api/v1/provisioning-tokens',
    {
      bodyLimit: 4 * 1024 * 1024,
      config: write,
      schema: {
        tags,
        summary: 'Make a provisioning token; its secret is shown this once',
        body: ProvisioningTokenRequest,
        response: { 201: ProvisioningTokenMade },
      },
    },
    async (request, reply) => {
      const { name, days, maxUses, identifiers } = request.body;
      const list = identifiers === null ? null : canonical(identifiers);
      const { row, secret } = await store.write((trx) =>
        createProvisioningToken(trx, now(), {
          name,
          identifiers: list,
          maxUses,
          expiresAt: now() + days * DAY_MS,
          actor: actorOf(request),
          requestId: request.id,
        }),
      );
      return reply.code(201).send({ token: tokenOf(row, now()), secret });
    },
  );

  routes.delete(
    '/api/v1/provisioning-tokens/:id',
    {
      config: write,
      schema: { tags, summary: 'Revoke a provisioning token', params: ById, response: { 200: ProvisioningToken } },
    },
    async (request) => {
      const { id } = request.params;
      if (!(await find(id))) return refuse('not-found');
      const by = { actor: actorOf(request), requestId: request.id };
      await store.write((trx) => revokeProvisioningToken(trx, now(), id, by));
      return tokenOf((await find(id)) ?? refuse('not-found'), now());
    },
  );
}
