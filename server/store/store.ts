import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { ServerError } from '../error.ts';
import { createGroupWriter } from './groupCommit.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Tables } from './schema.ts';
import { NodeSqliteDialect, openSqlite } from './sqlite.ts';

export type Db = Kysely<Tables>;
export type Trx = Transaction<Tables>;
export type Stamp = 'demo' | 'production';

export type Store = {
  readonly db: Db;
  readonly stamp: Stamp;
  /**
   * Runs as one atomic unit under the write lock; resolves when it is durable. Only queries inside: no mail, webhook, HTTP call or wait, since
   * everybody waits with it.
   */
  write<T>(work: (trx: Trx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/**
 * Opens the store in `folder`, creating and migrating it where needed, and stamps a new one. A store keeps its stamp for good:
 * errors `store-is-demo` and `store-is-production` where it differs, `store-unreadable`, `store-too-new`.
 */
export async function openStore(folder: string, stamp: Stamp, now: number): Promise<Store> {
  const db = await open(folder);
  try {
    await migrate(db);
    await assertStamp(db, stamp, now);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const writer = createGroupWriter(db);
  return {
    get db() {
      // An embedded store has one connection: a second query beside the transaction would wait for it for ever.
      if (writer.isWriting()) throw new Error('Inside a transaction, use the transaction.');
      return db;
    },
    stamp,
    write: (work) => writer.write(work),
    close: () => db.destroy(),
  };
}

async function open(folder: string): Promise<Db> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Kysely<Tables>({ dialect: new NodeSqliteDialect(openSqlite(join(folder, 'muster.db'))) });
  } catch (cause) {
    if (cause instanceof ServerError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError(
      'store-unreadable',
      `The store in ${folder} cannot be opened (${why}). Nothing was changed; check the folder and its permissions, or restore a backup.`,
      { cause },
    );
  }
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const why = error instanceof Error ? error.message : String(error);
  if (/previously executed migration .* is missing/.test(why)) {
    throw new ServerError(
      'store-too-new',
      'The store was written by a newer Muster. Start that version, or a later one.',
      {
        cause: error,
      },
    );
  }
  throw new ServerError('store-unreadable', `The store cannot be read (${why}). Nothing was lost; restore a backup.`, {
    cause: error,
  });
}

async function assertStamp(db: Db, stamp: Stamp, now: number): Promise<void> {
  await db
    .insertInto('meta')
    .values([
      { key: 'stamp', value: stamp },
      { key: 'created_at', value: String(now) },
    ])
    .onConflict((c) => c.column('key').doNothing())
    .execute();
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'stamp').executeTakeFirstOrThrow();
  if (row.value === stamp) return;
  throw stamp === 'production'
    ? new ServerError(
        'store-is-demo',
        'This store was made by the demo, which trusts a software TPM and demo accounts. Start the server on a new store.',
      )
    : new ServerError(
        'store-is-production',
        'This store belongs to a real inventory. The demo runs on a store of its own: choose another folder.',
      );
}

/** The next value of a counter row; inside a transaction, so that numbers are neither reused nor handed out twice. */
export async function nextNumber(trx: Trx, name: string): Promise<number> {
  const row = await trx
    .insertInto('counters')
    .values({ name, value: 1 })
    .onConflict((c) => c.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', 1) })))
    .returning('value')
    .executeTakeFirstOrThrow();
  return Number(row.value);
}
