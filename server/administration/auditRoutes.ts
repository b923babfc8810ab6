import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { AuditPage, AuditQuery, type AuditRecord } from '../../contract/index.ts';
import { type App, type Context, READERS } from '../http/context.ts';
import { readCursor, writeCursor } from '../store/cursor.ts';
import type { AuditRow } from '../store/schema.ts';

const parse = (text: string | null) => (text === null ? null : (JSON.parse(text) as Record<string, unknown>));

function recordOf(row: AuditRow): AuditRecord {
  return {
    seq: row.seq,
    id: row.id,
    at: new Date(row.at).toISOString(),
    actor: { type: row.actor_type, id: row.actor_id, name: row.actor_name, address: row.address },
    action: row.action,
    subject: { type: row.subject_type, id: row.subject_id },
    outcome: row.outcome,
    code: row.code,
    before: parse(row.before),
    after: parse(row.after),
    requestId: row.request_id,
    previousHash: row.prev_hash,
    hash: row.hash,
  };
}

/** Who did what, and what was refused. Records are added by changes only, and never changed. */
export async function auditRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const config = { access: { kind: 'administrator', roles: READERS, scope: 'audit:read' } } as const;

  routes.get(
    '/api/v1/audit',
    {
      config,
      schema: {
        tags: ['audit'],
        summary: 'Audit records, newest first',
        querystring: AuditQuery,
        response: { 200: AuditPage },
      },
    },
    async (request) => {
      const { limit, cursor, ...filters } = request.query;
      const list = `audit ${JSON.stringify(filters)}`;
      let select = context.store.db
        .selectFrom('audit')
        .selectAll()
        .orderBy('seq', 'desc')
        .limit(limit + 1);
      if (filters.subject) select = select.where('subject_id', '=', filters.subject);
      if (filters.action) select = select.where('action', '=', filters.action);
      if (filters.outcome) select = select.where('outcome', '=', filters.outcome);
      if (cursor) select = select.where('seq', '<', readCursor(context.cursorKey, cursor, list).at);
      const rows = await select.execute();
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const next =
        rows.length > limit && last ? writeCursor(context.cursorKey, { at: last.seq, id: last.id }, list) : null;
      return { records: page.map(recordOf), next };
    },
  );
}
