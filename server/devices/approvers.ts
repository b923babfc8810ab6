import { type Context, DECIDERS } from '../http/context.ts';

const KEPT_MS = 10_000;

/** How many people may approve a device, counted at most every ten seconds: every waiting device asks when it connects. */
export function countApprovers({ store, now }: Pick<Context, 'store' | 'now'>): () => Promise<number> {
  let known: { count: Promise<number>; at: number } | undefined;
  const count = async (): Promise<number> => {
    const { people } = await store.db
      .selectFrom('users')
      .select(({ fn }) => fn.countAll().as('people'))
      .where('role', 'in', [...DECIDERS])
      .where('active', '=', 1)
      .executeTakeFirstOrThrow();
    return Number(people);
  };
  return () => {
    if (!known || now() - known.at > KEPT_MS) {
      known = { count: count(), at: now() };
      known.count.catch(() => {
        known = undefined;
      });
    }
    return known.count;
  };
}
