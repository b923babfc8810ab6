import type { FastifyBaseLogger } from 'fastify';
import type { Context } from '../http/context.ts';

const EVERY_MS = 3_600_000;

/** Syncs the connected MDMs every hour, in full where eight hours have passed. Returns the way to stop. */
export function scheduleSyncs(context: Context, log: FastifyBaseLogger, everyMs = EVERY_MS): () => void {
  let running = false;
  const run = async (): Promise<void> => {
    // A sync that takes longer than its interval is not started twice.
    if (running) return;
    running = true;
    try {
      for (const { connection, report } of await context.syncMdm({})) {
        if (report.outcome === 'done') log.info({ connection, ...report }, 'MDM synced');
        else log.warn({ connection, ...report }, 'MDM sync did not go through');
      }
    } catch (error) {
      log.error({ err: error }, 'MDM sync failed');
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void run(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
