import { type AppError, toAppError } from './errors.ts';
import type { Clock } from './ports.ts';

export type BackoffLimits = { firstMs: number; maxMs: number };

/** Exponential with "equal jitter": half fixed, half random, so that many clients of a restarted server spread and none hammers. */
export function backoffMs(attempt: number, random: number, limits: BackoffLimits): number {
  const ceiling = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

/** Worth repeating as it is: the network or the server is away, busy or restarting; nothing was decided. */
export function isTransient(error: AppError): boolean {
  switch (error.code) {
    case 'server-unreachable':
    // A captive portal shows a certificate of its own until the person has signed in to the network.
    case 'server-untrusted':
    case 'captive-portal':
    case 'unavailable':
    case 'internal':
    case 'rate-limited':
    case 'tpm-busy':
      return true;
    default:
      return false;
  }
}

/**
 * Repeats `run` while it fails transiently, for at most `forMs` by the clock. The last error is thrown as it is.
 * `onWait` hears of every pause, so that the window can say "offline".
 */
export async function retrying<T>(
  run: () => Promise<T>,
  options: {
    clock: Clock;
    forMs: number;
    limits?: BackoffLimits | undefined;
    signal?: AbortSignal | undefined;
    onWait?: ((error: AppError, ms: number) => void) | undefined;
  },
): Promise<T> {
  const { clock, signal, limits = { firstMs: 500, maxMs: 10_000 } } = options;
  const until = clock.now().getTime() + options.forMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run();
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = toAppError(thrown);
      const ms = Math.max(error.retryAfterMs ?? 0, backoffMs(attempt, clock.random(), limits));
      if (!isTransient(error) || clock.now().getTime() + ms > until) throw error;
      options.onWait?.(error, ms);
      await clock.sleep(ms, signal);
      signal?.throwIfAborted();
    }
  }
}
