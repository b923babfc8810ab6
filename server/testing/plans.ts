import { DatabaseSync } from 'node:sqlite';

export type Plan = { sql: string; details: string[] };

/**
 * How the embedded store carries out what `work` reads: the query plan of each select that it prepares. `path` is the file of the store. Only
 * what was not prepared before is seen, so a store gives its plans once.
 */
export async function plansOf(path: string, work: () => Promise<unknown>): Promise<Plan[]> {
  const queries = new Set<string>();
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    if (/^\s*(select|with)\b/i.test(sql)) queries.add(sql);
    return prepare.call(this, sql);
  };
  try {
    await work();
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
  const database = new DatabaseSync(path);
  try {
    return [...queries].map((sql) => {
      const values = Array.from({ length: sql.split('?').length - 1 }, () => 'a');
      const steps = database.prepare(`explain query plan ${sql}`).all(...values);
      return { sql, details: steps.map((step) => String(step.detail)) };
    });
  } finally {
    database.close();
  }
}

/** The steps that grow with the table: a scan that no index orders, or a sort. A word index is scanned by its own means. */
export const growing = ({ details }: Plan): string[] =>
  details.filter(
    (detail) => /TEMP B-TREE/.test(detail) || (/^SCAN/.test(detail) && !/USING|VIRTUAL TABLE/.test(detail)),
  );
