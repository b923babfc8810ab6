import { backoffMs, isTransient } from './backoff.ts';
import { AppError, toAppError } from './errors.ts';
import type { Clock, Fetch } from './ports.ts';

/** However long the ceremony lives: a person who has not signed in by then has gone away. */
const SIGN_IN_MS = 300_000;

/**
 * What a sign-in only reads is read again where the connection broke: otherwise the person would have to sign in anew for it. What it posts
 * is not sent twice: a code is good for one exchange.
 */
export function steady(fetch: Fetch, clock: Clock): Fetch {
  return async (input, init) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await fetch(input, init);
      } catch (error) {
        const again = (init?.method ?? 'GET') === 'GET' && attempt < 3 && !init?.signal?.aborted;
        if (!again || !isTransient(toAppError(error))) throw error;
        await clock.sleep(backoffMs(attempt, clock.random(), { firstMs: 250, maxMs: 2000 }), init?.signal ?? undefined);
      }
    }
  };
}

/** Until when a sign-in of a ceremony is waited for: milliseconds from now, at least a second. */
export function signInMs(expiresAt: string, clock: Clock): number {
  return Math.max(1000, Math.min(SIGN_IN_MS, Date.parse(expiresAt) - clock.now().getTime()));
}

/** Ends `run` with `sign-in-timeout` after so many milliseconds of the clock. */
export async function withDeadline<T>(
  signal: AbortSignal,
  clock: Clock,
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timer = new AbortController();
  const expired = new AbortController();
  const stop = AbortSignal.any([signal, timer.signal]);
  void clock.sleep(ms, stop).then(() => {
    if (!stop.aborted) expired.abort(new AppError('sign-in-timeout', 'Nobody finished the sign-in in time.'));
  });
  try {
    return await run(AbortSignal.any([signal, expired.signal]));
  } finally {
    timer.abort();
  }
}
