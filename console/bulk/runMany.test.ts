import { expect, test } from 'vitest';
import { type Outcome, runMany } from './runMany.ts';

const items = Array.from({ length: 10 }, (_, index) => ({ id: String(index) }));
const done = (some: readonly { id: string }[]): Outcome<string>[] => some.map(({ id }) => ({ id, result: 'done' }));

const run = async (
  work: (some: readonly { id: string }[]) => Promise<Outcome<string>[]>,
  { chunk = 3, lanes = 1, signal = new AbortController().signal } = {},
) => {
  const outcomes: Outcome<string>[] = [];
  await runMany(items, {
    chunk,
    lanes,
    signal,
    work,
    failed: (_item, thrown) => String(thrown),
    report: (some) => outcomes.push(...some),
  });
  return outcomes;
};

test('every item is tried once, in chunks', async () => {
  const sizes: number[] = [];
  const outcomes = await run(async (some) => {
    sizes.push(some.length);
    return done(some);
  });
  expect(sizes).toEqual([3, 3, 3, 1]);
  expect(outcomes.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
});

test('a chunk that fails has a result for each of its items, and the others go on', async () => {
  const outcomes = await run(async (some) => {
    if (some[0]?.id === '3') throw 'cut off';
    return done(some);
  });
  expect(outcomes).toHaveLength(10);
  expect(outcomes.filter(({ result }) => result === 'cut off').map(({ id }) => id)).toEqual(['3', '4', '5']);
});

test('several lanes share the items without doing one twice', async () => {
  let most = 0;
  let running = 0;
  const outcomes = await run(
    async (some) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return done(some);
    },
    { chunk: 1, lanes: 4 },
  );
  expect(most).toBe(4);
  expect(outcomes.map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id));
});

test('stopping lets what is under way end, and leaves the rest untried', async () => {
  const stop = new AbortController();
  const outcomes = await run(
    async (some) => {
      stop.abort();
      return done(some);
    },
    { signal: stop.signal },
  );
  expect(outcomes.map(({ id }) => id)).toEqual(['0', '1', '2']);
});
