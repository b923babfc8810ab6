import { Source, TeamSettings } from '../../contract/index.ts';
import { type Actor, audit } from '../store/audit.ts';
import { loadSettings, saveSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';

export type SettingsChange = Partial<TeamSettings>;

/**
 * Changes Team Settings and writes the audit record. Looser approval never touches devices that wait already: `waiting` says how many of
 * them the new policy would have approved on arrival, and they stay for an administrator (NetBird pull request 4806 did otherwise).
 */
export async function changeSettings(
  trx: Trx,
  now: number,
  change: SettingsChange,
  by: { actor: Actor; requestId: string | null },
): Promise<{ settings: TeamSettings; waiting: number }> {
  const before = await loadSettings(trx);
  const after = TeamSettings.parse({ ...before, ...change });
  const changed = (Object.keys(change) as (keyof TeamSettings)[]).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  await saveSettings(
    trx,
    Object.fromEntries(Object.keys(change).map((key) => [key, after[key as keyof TeamSettings]])),
    now,
  );
  if (changed.length > 0) {
    await audit(trx, now, {
      ...by,
      action: 'settings.changed',
      subject: { type: 'settings', id: null },
      before: Object.fromEntries(changed.map((key) => [key, before[key]])),
      after: Object.fromEntries(changed.map((key) => [key, after[key]])),
    });
  }
  return { settings: after, waiting: await countWaiting(trx, before, after) };
}

/** Devices that wait although their source (or, after new rules, any of them) would now be approved on arrival. */
async function countWaiting(trx: Trx, before: TeamSettings, after: TeamSettings): Promise<number> {
  const rulesChanged = JSON.stringify(before.approvalRules) !== JSON.stringify(after.approvalRules);
  const loosened = Source.options.filter(
    (source) =>
      (after.sources[source].autoApproved && !before.sources[source].autoApproved) ||
      (before.sources[source].userBindingRequired && !after.sources[source].userBindingRequired) ||
      (rulesChanged && after.approvalRules.some((rule) => !rule.when.sources || rule.when.sources.includes(source))),
  );
  if (loosened.length === 0) return 0;
  const row = await trx
    .selectFrom('devices')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('approval', '=', 'pending')
    .where('lifecycle', '!=', 'deleted')
    .where('source', 'in', loosened)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
