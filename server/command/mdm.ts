import { resolve } from 'node:path';
import { Source } from '../../contract/index.ts';
import { ServerError } from '../error.ts';
import type { KeyEncryptionKey } from '../keys/keyring.ts';
import { addConnection, syncConnections } from '../mdm/connections.ts';
import { loadSettings } from '../store/settings.ts';
import type { Store } from '../store/store.ts';

/** What the MDM commands work with, once the store is open. */
export type MdmWork = { store: Store; kek: KeyEncryptionKey; io: { out(text: string): void } };

/** Connects a device list in a JSON file as one source. Errors: `configuration`. */
export async function connectFile(
  { store, kek, io }: MdmWork,
  given: { source: string; file: string; name: string | undefined },
): Promise<boolean> {
  const source = Source.safeParse(given.source);
  if (!source.success) {
    throw new ServerError('configuration', `${given.source} is no source. Use one of ${Source.options.join(', ')}.`);
  }
  const name = given.name ?? source.data;
  const known = await store.db.selectFrom('mdm_connections').select('id').where('name', '=', name).executeTakeFirst();
  if (known) throw new ServerError('configuration', `There is a connection "${name}" already. Choose another --name.`);
  const connection = { source: source.data, name, provider: 'file', settings: { path: resolve(given.file) } };
  const by = { actor: { type: 'server', id: null, name: 'command line' } as const, requestId: null };
  const row = await store.write((trx) => addConnection(trx, Date.now(), kek, connection, by));
  io.out(`${JSON.stringify({ id: row.id, name: row.name, source: row.source })}\n`);
  return true;
}

/** Syncs the connections, one line of JSON each; false where one did not go through. Errors: `configuration`. */
export async function syncMdm(
  { store, kek, io }: MdmWork,
  options: { only: string | undefined; full: boolean },
): Promise<boolean> {
  const work = { store, kek, now: Date.now, settings: () => loadSettings(store.db) };
  const reports = await syncConnections(work, {
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.full ? { full: true } : {}),
  });
  for (const { connection, report } of reports) io.out(`${JSON.stringify({ connection, ...report })}\n`);
  return reports.every(({ report }) => report.outcome === 'done');
}
