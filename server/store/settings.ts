import type { TeamSettings } from '../../contract/index.ts';
import { readSettings } from '../policy/settings.ts';
import type { Db, Trx } from './store.ts';

export async function loadSettings(db: Db | Trx): Promise<TeamSettings> {
  const rows = await db.selectFrom('settings').select(['key', 'value']).execute();
  return readSettings(Object.fromEntries(rows.map((row) => [row.key, JSON.parse(row.value) as unknown])));
}

/** Reads the settings with every call, since another process may change them, and parses them again only where they changed. */
export function createSettingsReader(db: () => Db): () => Promise<TeamSettings> {
  let last: { stored: string; settings: TeamSettings } | undefined;
  return async () => {
    const rows = await db().selectFrom('settings').select(['key', 'value']).orderBy('key').execute();
    const stored = JSON.stringify(rows);
    if (last?.stored !== stored) {
      const values = Object.fromEntries(rows.map((row) => [row.key, JSON.parse(row.value) as unknown]));
      last = { stored, settings: readSettings(values) };
    }
    return last.settings;
  };
}

/** Changes the named fields and leaves the others. The caller validated them and writes the audit record. */
export async function saveSettings(trx: Trx, change: Partial<TeamSettings>, now: number): Promise<void> {
  for (const [key, value] of Object.entries(change)) {
    const text = JSON.stringify(value);
    await trx
      .insertInto('settings')
      .values({ key, value: text, updated_at: now })
      .onConflict((c) => c.column('key').doUpdateSet({ value: text, updated_at: now }))
      .execute();
  }
}
