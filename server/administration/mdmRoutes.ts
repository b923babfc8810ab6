import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Id, MdmConnectionList, MdmSyncReport } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, type Context, OWNERS, READERS } from '../http/context.ts';
import { time, timeOrNull } from './pages.ts';

/** The connected MDMs: how their last sync went, and a sync at once. Their settings and credentials are never answered. */
export async function mdmRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ['MDM'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'settings:read' } } as const;
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: 'settings:write' } } as const;
  const { db } = context.store;

  routes.get(
    '/api/v1/mdm-connections',
    { config: read, schema: { tags, summary: 'Connected MDMs', response: { 200: MdmConnectionList } } },
    async () => {
      const rows = await db.selectFrom('mdm_connections').selectAll().orderBy('created_at').orderBy('id').execute();
      return {
        connections: rows.map((row) => ({
          id: row.id,
          source: row.source,
          name: row.name,
          provider: row.provider,
          enabled: row.enabled === 1,
          syncedAt: timeOrNull(row.sync_at),
          fullySyncedAt: timeOrNull(row.full_sync_at),
          lastError: row.last_error,
          createdAt: time(row.created_at),
        })),
      };
    },
  );

  routes.post(
    '/api/v1/mdm-connections/:id/sync',
    {
      config: write,
      schema: {
        tags,
        summary: 'Sync one MDM in full, now',
        params: z.object({ id: Id }),
        response: { 200: MdmSyncReport },
      },
    },
    async (request) => {
      const { id } = request.params;
      const known = await db
        .selectFrom('mdm_connections')
        .select('id')
        .where('id', '=', id)
        .where('enabled', '=', 1)
        .executeTakeFirst();
      if (!known) return refuse('not-found');
      const [done] = await context.syncMdm({ only: id, full: true });
      return done?.report ?? refuse('not-found');
    },
  );
}
