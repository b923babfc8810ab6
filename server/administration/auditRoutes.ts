import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { AuditPage, AuditQuery, type AuditRecord } from '../../contract/index.ts';
import { type App, type Context, READERS } from '../http/context.ts';
import { readCursor, writeCursor } from '../store/cursor.ts';
import type { AuditRow } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { auditRows } from './auditRows.ts';

const parse = (text: string | null) => (text === null ? null : (JSON.parse(text) as Record<string, unknown>));

function recordOf(row: AuditRow, names: ReadonlyMap<string, string>): AuditRecord {
  return {
    seq: row.seq,
    id: row.id,
    at: new Date(row.at).toISOString(),
    actor: {
      type: row.actor_type,
      id: row.actor_id,
      name: row.actor_name,
      knownAs: row.actor_name ?? (row.actor_id === null ? null : (names.get(row.actor_id) ?? null)),
      address: row.address,
    },
    action: row.action,
    subject: {
      type: row.subject_type,
      id: row.subject_id,
      name: row.subject_id === null ? null : (names.get(row.subject_id) ?? null),
    },
    outcome: row.outcome,
    code: row.code,
    before: parse(row.before),
    after: parse(row.after),
    requestId: row.request_id,
    previousHash: row.prev_hash,
    hash: row.hash,
  };
}

/** What the devices and people among subjects and actors are called now. */
async function namesOf(db: Db, rows: readonly AuditRow[]): Promise<ReadonlyMap<string, string>> {
  const idsOf = (type: string) => [
    ...new Set(rows.flatMap((row) => (row.subject_type === type && row.subject_id !== null ? [row.subject_id] : []))),
  ];
  const actors = rows.flatMap((row) => (row.actor_type === 'person' && row.actor_id !== null ? [row.actor_id] : []));
  const [devices, people] = [idsOf('device'), [...new Set([...idsOf('person'), ...actors])]];
  const found = new Map<string, string>();
  if (devices.length > 0) {
    const named = await db.selectFrom('devices').select(['id', 'name']).where('id', 'in', devices).execute();
    for (const { id, name } of named) found.set(id, name);
  }
  if (people.length > 0) {
    const named = await db.selectFrom('users').select(['id', 'email']).where('id', 'in', people).execute();
    for (const { id, email } of named) found.set(id, email);
  }
  return found;
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
      const before = cursor ? readCursor(context.cursorKey, cursor, list).at : Number.MAX_SAFE_INTEGER;
      const { rows: page, goesOn } = await auditRows(context.store.db, filters, { before, limit });
      const next = goesOn === null ? null : writeCursor(context.cursorKey, { at: goesOn, id: '' }, list);
      const names = await namesOf(context.store.db, page);
      return { records: page.map((row) => recordOf(row, names)), next };
    },
  );
}
