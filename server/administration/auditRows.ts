import { type SelectQueryBuilder, sql } from 'kysely';
import type { z } from 'zod';
import type { AuditQuery } from '../../contract/index.ts';
import { SCANNED } from '../store/paging.ts';
import type { AuditRow, Tables } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { beginningWith } from './pages.ts';

export type AuditFilters = Omit<z.infer<typeof AuditQuery>, 'limit' | 'cursor'>;

/**
 * The records that a page looks at, by their numbers, which rise with the time. Where no index leads to what the filters ask for, they are so
 * many at most (SCANNED), and the page may end short: then the list goes on below.
 */
async function spanOf(
  db: Db,
  { from, to, ...filters }: AuditFilters,
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
  name === 'actor' ||
  (name === 'action' && !String(value).endsWith('.*')) ||
  (name === 'outcome' && value === 'refused');

type Records = SelectQueryBuilder<Tables, 'audit', AuditRow>;

/** A page of audit records below the number `before`, newest first; `goesOn` is the number that the next page begins below. */
export async function auditRows(
  db: Db,
  filters: AuditFilters,
  { before, limit }: { before: number; limit: number },
): Promise<{ rows: AuditRow[]; goesOn: number | null }> {
  const span = await spanOf(db, filters, before);
  const select = narrowed(db.selectFrom('audit').selectAll() as Records, filters)
    .where('seq', '<', span.before)
    .where('seq', '>=', span.from)
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  const { actor } = filters;
  const found =
    actor === undefined
      ? await select.execute()
      : merged([
          // Two questions, since each has its index: one with "or" would sort all that the person ever did.
          await select.where('actor_id', '=', actor).execute(),
          await select.where(sql<string>`lower(actor_name)`, '=', actor.toLowerCase()).execute(),
        ]);
  const rows = found.slice(0, limit);
  const last = found.length > limit ? rows.at(-1)?.seq : span.goesOn ? span.from : undefined;
  return { rows, goesOn: last === undefined ? null : Number(last) };
}

function narrowed(records: Records, { subject, action, from, to, outcome }: AuditFilters): Records {
  let select = records;
  if (subject) select = select.where('subject_id', '=', subject);
  if (action?.endsWith('.*')) {
    select = select.where(sql<boolean>`action like ${beginningWith(action.slice(0, -1))} escape '\\'`);
  } else if (action) select = select.where('action', '=', action);
  // Beside the span: a clock that was set back breaks the order of times, not that of numbers.
  if (from) select = select.where('at', '>=', Date.parse(from));
  if (to) select = select.where('at', '<=', Date.parse(to));
  // Written out: a value that comes later leads to no index over a part of the rows.
  if (outcome === 'refused') select = select.where(sql<boolean>`outcome = 'refused'`);
  else if (outcome) select = select.where('outcome', '=', outcome);
  return select;
}

const merged = (lists: readonly AuditRow[][]): AuditRow[] =>
  [...new Map(lists.flat().map((row) => [row.seq, row])).values()].sort((a, b) => b.seq - a.seq);
