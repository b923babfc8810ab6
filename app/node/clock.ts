import { randomInt } from 'node:crypto';
import type { Clock } from '../ports.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  random: () => randomInt(2 ** 32) / 2 ** 32,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};
