export type Outcome<R> = { id: string; result: R };

type Options<T, R> = {
  /** Items that one call of `work` takes. */
  chunk: number;
  /** Calls under way at the same time. */
  lanes: number;
  /** A result for each item of the chunk. What it throws is turned into one by `failed`. */
  work: (items: readonly T[]) => Promise<readonly Outcome<R>[]>;
  failed: (item: T, thrown: unknown) => R;
  report: (outcomes: readonly Outcome<R>[]) => void;
  /** Stops before the next chunk; what is under way is waited for. */
  signal: AbortSignal;
};

/** Works through many items, a chunk at a time, and reports a result for each that was tried. One failure stops nothing. */
export async function runMany<T extends { id: string }, R>(items: readonly T[], options: Options<T, R>): Promise<void> {
  const { chunk, lanes, work, failed, report, signal } = options;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && !signal.aborted) {
      const some = items.slice(next, next + chunk);
      next += some.length;
      try {
        report(await work(some));
      } catch (thrown) {
        report(some.map((item) => ({ id: item.id, result: failed(item, thrown) })));
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
