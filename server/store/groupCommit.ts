import { AsyncLocalStorage } from 'node:async_hooks';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Tables } from './schema.ts';

type Work<T> = (trx: Transaction<Tables>) => Promise<T>;
type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };
type Job = { work: Work<unknown>; answer: (outcome: Outcome) => void };

/** Units of work that share one commit at most: readers wait for the whole group on the one connection. */
const GROUP = 32;

export type Writer = {
  write<T>(work: Work<T>): Promise<T>;
  /** Whether the caller runs inside a unit of work. */
  isWriting(): boolean;
};

/**
 * Runs units of work one after another, and those that wait at the same time in one transaction: what costs is the commit's fsync. Each has
 * its own savepoint, so one that fails takes only itself back; each is answered after the commit, so what is answered is durable.
 */
export function createGroupWriter(db: Kysely<Tables>): Writer {
  const writing = new AsyncLocalStorage<true>();
  const queue: Job[] = [];
  let draining = false;

  const runUnit = async (trx: Transaction<Tables>, job: Job): Promise<Outcome> => {
    await sql`savepoint unit`.execute(trx);
    try {
      const value = await writing.run(true, () => job.work(trx));
      await sql`release unit`.execute(trx);
      return { ok: true, value };
    } catch (error) {
      await sql`rollback to unit`.execute(trx);
      await sql`release unit`.execute(trx);
      return { ok: false, error };
    }
  };

  const runGroup = async (jobs: readonly Job[]): Promise<void> => {
    let outcomes: Outcome[];
    try {
      outcomes = await db.transaction().execute(async (trx) => {
        const all: Outcome[] = [];
        for (const job of jobs) all.push(await runUnit(trx, job));
        return all;
      });
    } catch (error) {
      // The commit itself failed: nothing of the group is stored.
      outcomes = jobs.map(() => ({ ok: false, error }));
    }
    for (const [i, job] of jobs.entries()) job.answer(outcomes[i] ?? { ok: false, error: new Error('no outcome') });
  };

  const drain = async (): Promise<void> => {
    draining = true;
    while (queue.length > 0) await runGroup(queue.splice(0, GROUP));
    draining = false;
  };

  return {
    isWriting: () => writing.getStore() === true,
    write: <T>(work: Work<T>) => {
      if (writing.getStore()) throw new Error('Inside a transaction, use the transaction.');
      return new Promise<T>((resolve, reject) => {
        queue.push({ work, answer: (outcome) => (outcome.ok ? resolve(outcome.value as T) : reject(outcome.error)) });
        // In the next turn: requests that arrive together share the first commit too.
        if (!draining) {
          draining = true;
          setImmediate(() => void drain());
        }
      });
    },
  };
}
