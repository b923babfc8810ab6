import type { FastifyBaseLogger } from 'fastify';
import type { Context } from '../http/context.ts';
import { type By, judgeSome } from './rejudge.ts';

/** Devices between two looks at whether the server closes. */
const STEP = 500;

/** Goes on, in the background and one after another, with the certificates that devices are still to be judged for. */
export function createJudging(context: Context, log: FastifyBaseLogger): { run(by: By): void } {
  let running = false;
  let closed = false;
  context.onClose(() => {
    closed = true;
  });
  const goOn = async (by: By): Promise<void> => {
    while (!closed) {
      const open = await context.store.db
        .selectFrom('trusted_roots')
        .select(['fingerprint', 'role'])
        .where('judge_after', 'is not', null)
        .executeTakeFirst();
      if (!open) return;
      const { devices } = await judgeSome(context, open, by, STEP);
      log.info({ root: open.fingerprint, devices }, 'devices judged anew');
    }
  };
  return {
    run: (by) => {
      if (running) return;
      running = true;
      goOn(by)
        .catch((error: unknown) => {
          // Where it stood is kept: the next change or start goes on there.
          if (!closed) log.error({ err: error }, 'judging devices anew failed');
        })
        .finally(() => {
          running = false;
        });
    },
  };
}
