import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

describe('turns at the TPM', () => {
  it('go about between accounts, one at a time: a flood waits behind itself', async () => {
    const turns = createTurns({ each: 50, all: 100 });
    const order: string[] = [];
    let working = 0;
    const job = (name: string) => async () => {
      working += 1;
      expect(working).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      working -= 1;
      order.push(name);
    };
    const flood = Array.from({ length: 50 }, () => turns.run('a', job('a')));
    const others = [turns.run('b', job('b')), turns.run('b', job('b')), turns.run('c', job('c'))];
    await Promise.all([...flood, ...others]);
    expect(order.slice(0, 7).join('')).toBe('aabcaba');
    expect(order).toHaveLength(53);
    await turns.settled();
  });

  it('are bounded for each account and for all, and free again afterwards', async () => {
    const turns = createTurns({ each: 2, all: 3 });
    const held = Promise.withResolvers<void>();
    const first = [turns.run('a', () => held.promise), turns.run('a', () => held.promise)];
    await expect(turns.run('a', async () => 1)).rejects.toMatchObject({ code: 'tpm-busy' });
    first.push(turns.run('b', () => held.promise));
    await expect(turns.run('c', async () => 1)).rejects.toMatchObject({ code: 'tpm-busy' });
    held.resolve();
    await Promise.all(first);
    expect(await turns.run('a', async () => 1)).toBe(1);
  });

  it('pass on after a job that fails', async () => {
    const turns = createTurns({ each: 2, all: 2 });
    const failing = turns.run('a', () => Promise.reject(new Error('broken')));
    const next = turns.run('a', async () => 'next');
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('next');
  });
});
