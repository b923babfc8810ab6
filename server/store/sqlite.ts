import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteStatement,
} from 'kysely';
import { ServerError } from '../error.ts';

/** What the pragmas must read back as; a store that differs is not durable, so the server does not start on it. */
const PRAGMAS = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1 } as const;

/** Opens (or creates) the file with WAL, synchronous=FULL and foreign keys, and verifies that they hold. */
export function openSqlite(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 });
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON');
  for (const [pragma, expected] of Object.entries(PRAGMAS)) {
    const row = database.prepare(`PRAGMA ${pragma}`).get() as Record<string, unknown> | undefined;
    if (row?.[pragma] !== expected) {
      database.close();
      throw new ServerError(
        'store-unreadable',
        `The store cannot be kept safely: ${pragma} is ${String(row?.[pragma])} instead of ${expected}. Put it on a local file system.`,
      );
    }
  }
  return database;
}

function statements(database: DatabaseSync): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...values(parameters)),
      run: (parameters) => statement.run(...values(parameters)),
      iterate: (parameters) => statement.iterate(...values(parameters)),
    };
  };
  return {
    prepare: (sql) => {
      const known = cache.get(sql);
      if (known) return known;
      const statement = prepare(sql);
      // Statements of lists vary with their filters; the cap keeps hostile variety from growing the cache.
      if (cache.size >= 500) cache.clear();
      cache.set(sql, statement);
      return statement;
    },
    close: () => database.close(),
  };
}

/** Kysely's SQLite dialect over node:sqlite; transactions begin `immediate`, since a lock upgrade ignores the busy timeout. */
export class NodeSqliteDialect extends SqliteDialect {
  constructor(database: DatabaseSync) {
    super({ database: statements(database) });
  }

  override createDriver(): Driver {
    const driver = super.createDriver();
    driver.beginTransaction = async (connection: DatabaseConnection) => {
      await connection.executeQuery(CompiledQuery.raw('begin immediate'));
    };
    return driver;
  }
}
