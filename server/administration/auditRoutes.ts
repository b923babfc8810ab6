import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { sql } from 'kysely';
import type { z } from 'zod';
import { AuditPage, AuditQuery, type AuditRecord } from '../../contract/index.ts';
import { type App, type Context, READERS } from '../http/context.ts';
import { readCursor, writeCursor } from '../store/cursor.ts';
import { SCANNED } from '../store/paging.ts';
import type { AuditRow } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { beginningWith } from './pages.ts';

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

type Filters = Omit<z.infer<typeof AuditQuery>, 'limit' | 'cursor'>;

/**
 * The records that a page looks at, by their numbers, which rise with the time. Where no index leads to what the filters ask for, they are so
 * many at most (SCANNED), and the page may end short: then the list goes on below.
 */
async function spanOf(
  db: Db,
  { from, to, ...filters }: Filters,
  before: number,
): Promise<{ from: number; before: number; goesOn: boolean }> {
  const seqs = db.selectFrom('audit').select('seq').limit(1);
  const first = from
    ? await seqs.where('at', '>=', Date.parse(from)).orderBy('at').orderBy('seq').executeTakeFirst()
    : await seqs.orderBy('seq').executeTakeFirst();
  const last = to
    ? await seqs.where('at', '<=', Date.parse(to)).orderBy('at', 'desc').orderBy('seq', 'desc').executeTakeFirst()
    : await seqs.orderBy('seq', 'desc').executeTakeFirst();
  if (!first || !last) return { from: 0, before: 0, goesOn: false };
  const [low, high] = [Number(first.seq), Math.min(before, Number(last.seq) + 1)];
  const asked = Object.entries(filters).filter(([, value]) => value !== undefined);
  const [name, value] = asked[0] ?? [];
  const indexed = asked.length === 0 || filters.subject !== undefined || (asked.length === 1 && hasIndex(name, value));
  if (indexed || high - low <= SCANNED) return { from: low, before: high, goesOn: false };
  return { from: high - SCANNED, before: high, goesOn: true };
}

const hasIndex = (name: string | undefined, value: unknown): boolean =>
  (name === 'action' && !String(value).endsWith('.*')) || (name === 'outcome' && value === 'refused');

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
      const { actor, action } = filters;
      if (actor) {
        select = select.where((eb) =>
          eb.or([eb('actor_id', '=', actor), eb(eb.fn('lower', ['actor_name']), '=', actor.toLowerCase())]),
        );
      }
      if (action?.endsWith('.*')) {
        select = select.where(sql<boolean>`action like ${beginningWith(action.slice(0, -1))} escape '\\'`);
      } else if (action) select = select.where('action', '=', action);
      // Beside the span: a clock that was set back breaks the order of times, not that of numbers.
      if (filters.from) select = select.where('at', '>=', Date.parse(filters.from));
      if (filters.to) select = select.where('at', '<=', Date.parse(filters.to));
      if (filters.outcome) select = select.where('outcome', '=', filters.outcome);
      const before = cursor ? readCursor(context.cursorKey, cursor, list).at : Number.MAX_SAFE_INTEGER;
      const span = await spanOf(context.store.db, filters, before);
      const rows = await select.where('seq', '<', span.before).where('seq', '>=', span.from).execute();
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1)?.seq : span.goesOn ? span.from : undefined;
      const next = last === undefined ? null : writeCursor(context.cursorKey, { at: last, id: '' }, list);
      const names = await namesOf(context.store.db, page);
      return { records: page.map((row) => recordOf(row, names)), next };
    },
  );
}
