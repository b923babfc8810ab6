import type { Source } from '../../contract/index.ts';
import { ServerError } from '../error.ts';
import { type KeyEncryptionKey, seal, unseal } from '../keys/keyring.ts';
import { type Actor, audit } from '../store/audit.ts';
import { newId } from '../store/ids.ts';
import type { MdmConnectionRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { FileSettings, fileProvider } from './fileProvider.ts';
import type { MdmProvider } from './provider.ts';
import { type SyncReport, type SyncWork, syncConnection } from './sync.ts';

/** What makes a provider out of a connection's settings (opened JSON). One entry per kind of MDM. */
export type ProviderFactories = Record<string, (settings: unknown) => MdmProvider>;

export const PROVIDERS: ProviderFactories = { file: (settings) => fileProvider(FileSettings.parse(settings)) };

const FULL_EVERY_MS = 8 * 3_600_000;
const context = (id: string) => `mdm-connection:${id}`;

type NewConnection = { source: Source; name: string; provider: string; settings: unknown };

/** Connects an MDM; its settings (credentials among them) are sealed at rest. */
export async function addConnection(
  trx: Trx,
  now: number,
  kek: KeyEncryptionKey,
  connection: NewConnection,
  by: { actor: Actor; requestId: string | null },
): Promise<MdmConnectionRow> {
  const id = newId(now);
  const row: MdmConnectionRow = {
    id,
    source: connection.source,
    name: connection.name,
    provider: connection.provider,
    settings: seal(kek, context(id), Buffer.from(JSON.stringify(connection.settings))),
    enabled: 1,
    sweep: 0,
    checkpoint: null,
    full_sync_at: null,
    sync_at: null,
    last_error: null,
    lease_owner: null,
    lease_until: null,
    created_at: now,
  };
  await trx.insertInto('mdm_connections').values(row).execute();
  await audit(trx, now, {
    ...by,
    action: 'mdm.connected',
    subject: { type: 'mdm-connection', id },
    after: { source: row.source, name: row.name, provider: row.provider },
  });
  return row;
}

/** Seals the settings of every connection anew under `next`, in the transaction of a key rotation; returns how many. */
export async function resealConnections(trx: Trx, current: KeyEncryptionKey, next: KeyEncryptionKey): Promise<number> {
  const rows = await trx.selectFrom('mdm_connections').select(['id', 'settings']).execute();
  for (const row of rows) {
    const settings = seal(next, context(row.id), unseal(current, context(row.id), row.settings));
    await trx.updateTable('mdm_connections').set({ settings }).where('id', '=', row.id).execute();
  }
  return rows.length;
}

function providerOf(kek: KeyEncryptionKey, row: MdmConnectionRow, factories: ProviderFactories): MdmProvider {
  const make = factories[row.provider];
  if (!make) throw new ServerError('configuration', `No MDM of the kind "${row.provider}" is known to this version.`);
  return make(JSON.parse(Buffer.from(unseal(kek, context(row.id), row.settings)).toString()));
}

/**
 * What `muster server sync` runs: every enabled connection, or the named one (by id or name), full where eight hours have passed since
 * the last full run or `full` asks for it. One connection that fails does not stop the others. Error: `configuration` for a name that
 * no connection has.
 */
export async function syncConnections(
  work: SyncWork & { kek: KeyEncryptionKey },
  options: { only?: string; full?: boolean; factories?: ProviderFactories } = {},
): Promise<{ connection: string; report: SyncReport }[]> {
  const all = await enabledConnections(work.store.db);
  const chosen = all.filter((row) => !options.only || row.id === options.only || row.name === options.only);
  if (options.only && chosen.length === 0) {
    throw new ServerError('configuration', `There is no MDM connection "${options.only}".`);
  }
  const reports: { connection: string; report: SyncReport }[] = [];
  for (const row of chosen) {
    const due = row.full_sync_at === null || work.now() - Number(row.full_sync_at) >= FULL_EVERY_MS;
    const provider = providerOf(work.kek, row, options.factories ?? PROVIDERS);
    reports.push({
      connection: row.name,
      report: await syncConnection(work, row.id, provider, { full: options.full ?? due }),
    });
  }
  return reports;
}

const enabledConnections = (db: Db): Promise<MdmConnectionRow[]> =>
  db.selectFrom('mdm_connections').selectAll().where('enabled', '=', 1).orderBy('created_at').execute();
