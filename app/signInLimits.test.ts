import { expect, it } from 'vitest';
import { systemClock } from './node/clock.ts';
import type { Clock } from './ports.ts';
import { signInMs, withDeadline } from './signInLimits.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const clock: Clock = { ...systemClock, now: () => new Date(NOW) };
const after = (ms: number) => new Date(NOW + ms).toISOString();

it('a person has five minutes to sign in, or what is left of the ceremony', () => {
  expect(signInMs(after(900_000), clock)).toBe(300_000);
  expect(signInMs(after(120_000), clock)).toBe(120_000);
  expect(signInMs(after(-1), clock)).toBe(1000);
});

it('a sign-in that nobody finishes ends, and says so', async () => {
  const pause = Promise.withResolvers<void>();
  const waits: number[] = [];
  const sleep = (ms: number) => {
    waits.push(ms);
    return pause.promise;
  };
  const slow: Clock = { ...clock, sleep };
  const never = (signal: AbortSignal) =>
    new Promise<never>((_done, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
  const run = withDeadline(new AbortController().signal, slow, 300_000, never);
  pause.resolve();
  await expect(run).rejects.toMatchObject({ code: 'sign-in-timeout' });
  expect(waits).toEqual([300_000]);
});

it('one that is finished in time is not ended afterwards, nor one that the person cancelled mistaken for it', async () => {
  const seen: AbortSignal[] = [];
  const done = await withDeadline(new AbortController().signal, systemClock, 60_000, async (signal) => {
    seen.push(signal);
    return 'token';
  });
  expect(done).toBe('token');
  expect(seen[0]?.aborted).toBe(false);
  const cancel = new AbortController();
  const run = withDeadline(
    cancel.signal,
    systemClock,
    60_000,
    (signal) => new Promise<never>((_done, failed) => signal.addEventListener('abort', () => failed(signal.reason))),
  );
  cancel.abort(new Error('cancelled'));
  await expect(run).rejects.toThrow('cancelled');
});
