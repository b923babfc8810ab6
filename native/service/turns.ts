import { NativeError } from '../errors.ts';

/** How much may wait at once. A job that is being worked on counts. */
export type Limits = { each: number; all: number };

/**
 * One job at a time, and turn about between accounts: whoever floods waits behind itself. `run` throws `tpm-busy` at once where an account,
 * or all together, have too many waiting.
 */
export function createTurns({ each, all }: Limits) {
  /** Waiting jobs by account, in the order in which the accounts have their next turn. */
  const waiting = new Map<string, (() => Promise<void>)[]>();
  const counts = new Map<string, number>();
  let total = 0;
  let working: Promise<void> | undefined;

  const next = (): (() => Promise<void>) | undefined => {
    for (const [account, jobs] of waiting) {
      const job = jobs.shift();
      waiting.delete(account);
      if (jobs.length > 0) waiting.set(account, jobs);
      if (job) return job;
    }
    return undefined;
  };
  const work = async () => {
    for (let job = next(); job; job = next()) await job();
    working = undefined;
  };

  return {
    run<T>(account: string, job: () => Promise<T>): Promise<T> {
      const own = counts.get(account) ?? 0;
      if (own >= each || total >= all) {
        return Promise.reject(
          new NativeError('tpm-busy', 'Too many requests wait for the TPM of this machine.', {
            advice: 'Wait until the programs that use it are done, and try again.',
          }),
        );
      }
      counts.set(account, own + 1);
      total += 1;
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const counted = async () => {
        try {
          resolve(await job());
        } catch (error) {
          reject(error);
        } finally {
          total -= 1;
          const left = (counts.get(account) ?? 1) - 1;
          if (left > 0) counts.set(account, left);
          else counts.delete(account);
        }
      };
      waiting.set(account, [...(waiting.get(account) ?? []), counted]);
      working ??= work();
      return promise;
    },
    /** Resolves when nothing waits any more. */
    async settled(): Promise<void> {
      while (working) await working;
    },
  };
}

export type Turns = ReturnType<typeof createTurns>;
