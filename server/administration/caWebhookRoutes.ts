import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CaWebhook, CaWebhookId, CaWebhookList, CaWebhookRequest } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, OWNERS, READERS } from '../http/context.ts';
import { audit } from '../store/audit.ts';
import { findCaWebhook, sealContext } from '../store/caWebhooks.ts';
import type { CaWebhookRow } from '../store/schema.ts';
import { time, timeOrNull } from './pages.ts';

const ById = z.object({ id: CaWebhookId });

const webhookOf = (row: CaWebhookRow): CaWebhook => ({
  id: row.id,
  name: row.name,
  level: row.level,
  createdBy: row.created_by,
  createdAt: time(row.created_at),
  updatedAt: time(row.updated_at),
  lastUsedAt: timeOrNull(row.last_used_at),
});

/** Certificate authorities that ask the inventory before they issue: step-ca makes id and secret, and an owner enters them here. */
export async function caWebhookRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const tags = ['access'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'settings:read' } } as const;
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: 'settings:write' } } as const;

  routes.get(
    '/api/v1/ca-webhooks',
    {
      config: read,
      schema: { tags, summary: 'Webhooks of certificate authorities', response: { 200: CaWebhookList } },
    },
    async () => {
      const rows = await store.db.selectFrom('ca_webhooks').selectAll().orderBy('created_at').orderBy('id').execute();
      return { webhooks: rows.map(webhookOf) };
    },
  );

  routes.put(
    '/api/v1/ca-webhooks/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Enter a webhook that step-ca made, or change its secret',
        params: ById,
        body: CaWebhookRequest,
        response: { 200: CaWebhook },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { name, level, secret } = request.body;
      const row = await store.write(async (trx) => {
        const known = await findCaWebhook(trx, id);
        if (!known && secret === undefined) {
          const errors = [{ pointer: '#/secret', detail: 'is needed for a webhook that is new here' }];
          return refuse('invalid-request', undefined, { errors });
        }
        const actor = actorOf(request);
        const next: CaWebhookRow = {
          id,
          name,
          level,
          secret: secret ? context.seal(sealContext(id), Buffer.from(secret, 'base64')) : (known?.secret ?? ''),
          created_by: known?.created_by ?? actor.name ?? actor.type,
          created_at: known?.created_at ?? now(),
          updated_at: now(),
          last_used_at: known?.last_used_at ?? null,
        };
        await trx
          .insertInto('ca_webhooks')
          .values(next)
          .onConflict((c) => c.column('id').doUpdateSet(next))
          .execute();
        await audit(trx, now(), {
          actor,
          action: known ? 'ca-webhook.changed' : 'ca-webhook.entered',
          subject: { type: 'ca-webhook', id },
          before: known ? { name: known.name, level: known.level } : null,
          after: { name, level, secretChanged: secret !== undefined },
          requestId: request.id,
        });
        return next;
      });
      return webhookOf(row);
    },
  );

  routes.delete(
    '/api/v1/ca-webhooks/:id',
    {
      config: write,
      schema: { tags, summary: 'Answer this webhook no more', params: ById, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { id } = request.params;
      await store.write(async (trx) => {
        const known = (await findCaWebhook(trx, id)) ?? refuse('not-found');
        await trx.deleteFrom('ca_webhooks').where('id', '=', id).execute();
        await audit(trx, now(), {
          actor: actorOf(request),
          action: 'ca-webhook.removed',
          subject: { type: 'ca-webhook', id },
          before: { name: known.name, level: known.level },
          requestId: request.id,
        });
      });
      return reply.code(204).send(null);
    },
  );
}
