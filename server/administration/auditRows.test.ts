import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Actor, audit } from '../store/audit.ts';
import { openStore, type Store } from '../store/store.ts';
import { growing, plansOf } from '../testing/plans.ts';
import { type AuditFilters, auditRows } from './auditRows.ts';

let folder: string;
let store: Store;
const ADA: Actor = { type: 'administrator', id: 'u-ada', name: 'Ada@example.com' };
const BEA: Actor = { type: 'administrator', id: 'u-bea', name: 'bea@example.com' };
/** A device of that name: the id of one actor may be the name of another. */
const NAMED: Actor = { type: 'token', id: 't-1', name: 'U-ADA' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-audit-'));
  store = await openStore(folder, 'production', 1);
  await store.write(async (trx) => {
    for (let i = 1; i <= 30; i += 1) {
      const actor = i % 10 === 0 ? ADA : i % 10 === 5 ? NAMED : BEA;
      await audit(trx, i * 1000, { actor, action: 'device.updated', subject: { type: 'device', id: `d${i}` } });
    }
  });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
const subjects = async (filters: AuditFilters, before = 1000, limit = 4) => {
  const { rows, goesOn } = await auditRows(store.db, filters, { before, limit });
  return [rows.map((row) => row.subject_id), goesOn];
};

it('finds what somebody did by id, and by name in any case, page by page', async () => {
  expect(await subjects({ actor: 'ADA@EXAMPLE.COM' })).toEqual([['d30', 'd20', 'd10'], null]);
  expect(await subjects({ actor: 'u-ada' })).toEqual([['d30', 'd25', 'd20', 'd15'], 15]);
  expect(await subjects({ actor: 'u-ada' }, 15)).toEqual([['d10', 'd5'], null]);
  expect(await subjects({ actor: 'u-ada', from: at(12), to: at(26) })).toEqual([['d25', 'd20', 'd15'], null]);
  expect(await subjects({ actor: 'nobody' })).toEqual([[], null]);
});

it.each<[string, AuditFilters, RegExp]>([
  ['nothing', {}, /autoindex_audit_1 \(seq/],
  ['an actor', { actor: 'a' }, /audit_by_actor_(id|name)/],
  ['an actor and a time', { actor: 'a', from: at(3), to: at(9) }, /audit_by_actor_(id|name)/],
  ['an actor and an action', { actor: 'a', action: 'device.updated' }, /audit_by_(actor_(id|name)|action)/],
  ['a time', { from: at(3), to: at(9) }, /autoindex_audit_1 \(seq/],
  ['a subject', { subject: 'a' }, /audit_by_subject/],
  ['an action', { action: 'device.updated' }, /audit_by_action/],
  ['refusals', { outcome: 'refused' }, /refusals_by_seq/],
])('reads a page with %s by an index and sorts nothing', async (_name, filters, index) => {
  // Each store gives the plan of a statement once: another connection gives it again.
  const again = await openStore(folder, 'production', 1);
  const plans = await plansOf(join(folder, 'muster.db'), () => auditRows(again.db, filters, { before: 20, limit: 5 }));
  await again.close();
  const pages = plans.filter(({ sql }) => sql.includes('select *'));
  expect(pages).toHaveLength(filters.actor === undefined ? 1 : 2);
  for (const plan of plans) expect(growing(plan), plan.sql).toEqual([]);
  for (const plan of pages) expect(plan.details[0], plan.sql).toMatch(index);
});
