import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { probe, TARGETS as UNSIGNED_TARGETS } from './testing/fuzzTargets.ts';
import { generator, mutate } from './testing/mutations.ts';
import { SIGNED_TARGETS } from './testing/signedTargets.ts';

const TARGETS = [...UNSIGNED_TARGETS, ...SIGNED_TARGETS];

describe.each(TARGETS)('$name', (target) => {
  it('accepts at least one of its seeds, or refuses it for a reason of content', () => {
    for (const seed of target.seeds)
      expect(probe(target, seed).reach).not.toMatch(
        /^(truncated|trailing-bytes|malformed|certificate-malformed|cbor-malformed)/,
      );
  });

  it('throws nothing but its own error on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
        expect(probe(target, input).flaw).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('throws nothing but its own error on changed real inputs', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(...target.seeds),
        fc.constantFrom(...target.seeds),
        (seed, input, other) => {
          expect(probe(target, mutate(input, other, generator(seed))).flaw).toBeUndefined();
        },
      ),
      { numRuns: 250 },
    );
  });

  it('takes time linear in the length of the input', () => {
    // Processor time, as a ratio in one run: eight times the input may cost at most thirty times the time, where a square would cost sixty-four.
    for (const byte of [0x00, 0x30, 0x81, 0xa0, 0xff]) {
      const cost = (size: number) => {
        const input = new Uint8Array(size).fill(byte);
        let best = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 3; i += 1) {
          const start = process.cpuUsage();
          probe(target, input);
          const { user, system } = process.cpuUsage(start);
          best = Math.min(best, user + system);
        }
        return best;
      };
      expect(cost(64_000)).toBeLessThan(Math.max(30 * cost(8_000), 40_000));
    }
  });
});
