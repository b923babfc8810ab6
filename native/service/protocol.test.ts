import { describe, expect, it } from 'vitest';
import { lineReader, MAX_LINE } from './protocol.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const reading = () => {
  const lines: string[] = [];
  let ended = 0;
  const read = lineReader(
    (line) => void lines.push(line),
    () => {
      ended += 1;
    },
  );
  return { lines, read, ended: () => ended };
};

describe('lines out of a stream', () => {
  it('are the same however the stream is cut, also inside a character', () => {
    const text = 'one\n\nzwei ü 🔑\nthe last has no end';
    for (let size = 1; size <= bytes(text).length; size += 1) {
      const { lines, read, ended } = reading();
      const all = bytes(text);
      for (let at = 0; at < all.length; at += size) read(all.subarray(at, at + size));
      expect(lines).toEqual(['one', '', 'zwei ü 🔑']);
      read(bytes('\n'));
      expect(lines.at(-1)).toBe('the last has no end');
      expect(ended()).toBe(0);
    }
  });

  it('do not follow a piece that its owner uses again', () => {
    const { lines, read } = reading();
    const piece = bytes('a');
    read(piece);
    piece[0] = 0x62;
    read(bytes('\n'));
    expect(lines).toEqual(['a']);
  });

  // Copied anew for each piece, this would be half a terabyte.
  it('of a megabyte may come byte by byte', () => {
    const { lines, read } = reading();
    const piece = bytes('x');
    for (let at = 0; at < MAX_LINE; at += 1) read(piece);
    read(bytes('\n'));
    expect(lines.map(({ length }) => length)).toEqual([MAX_LINE]);
  });

  it('end at the limit: said once, and nothing is taken after it', () => {
    const { lines, read, ended } = reading();
    read(bytes(`first\n${'x'.repeat(MAX_LINE)}`));
    expect(ended()).toBe(0);
    read(bytes('x\nsecond\n'));
    read(bytes('third\n'));
    expect([lines, ended()]).toEqual([['first'], 1]);
  });

  it('end at the limit also where the line and its end come at once', () => {
    const { lines, read, ended } = reading();
    read(bytes(`${'x'.repeat(MAX_LINE + 1)}\nsecond\n`));
    expect([lines, ended()]).toEqual([[], 1]);
  });
});
