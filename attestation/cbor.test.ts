import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborValue, decodeCbor, encodeCbor } from './index.ts';
import { refusal } from './testing/refusal.ts';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const value: fc.Arbitrary<CborValue> = fc.letrec<{ tree: CborValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.integer({ min: Number.MIN_SAFE_INTEGER + 1, max: Number.MAX_SAFE_INTEGER }),
    fc.string(),
    fc.uint8Array(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(
            fc.string(),
            fc.integer().map((n) => `#${n}`),
          ),
          tie('tree'),
        ),
        { maxLength: 4 },
      )
      .map((entries) => new Map(entries)),
  ),
})).tree;

describe('CBOR', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(value, (input) => {
        expect(decodeCbor(encodeCbor(input))).toEqual(input);
      }),
    );
  });
  it('takes a text that is no integer as it would be written for a text', () => {
    for (const key of ['#00', '#-0', '#07', '#', '#1.5'])
      expect(decodeCbor(encodeCbor(new Map([[key, 1]])))).toEqual(new Map([[key, 1]]));
  });
  it('reads the examples of RFC 8949', () => {
    expect(decodeCbor(bytes(0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0))).toBe(1_000_000_000_000);
    expect(decodeCbor(bytes(0x39, 3, 0xe7))).toBe(-1000);
    expect(decodeCbor(bytes(0xa2, 1, 2, 3, 4))).toEqual(
      new Map([
        ['#1', 2],
        ['#3', 4],
      ]),
    );
    expect(
      encodeCbor(
        new Map<string, CborValue>([
          ['#-7', true],
          ['a', null],
        ]),
      ),
    ).toEqual(bytes(0xa2, 0x26, 0xf5, 0x61, 0x61, 0xf6));
  });
  it.each([
    ['duplicate keys', bytes(0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2)],
    ['duplicate integer keys', bytes(0xa2, 1, 1, 1, 2)],
    ['an indefinite-length map', bytes(0xbf, 0xff)],
    ['an indefinite-length text', bytes(0x7f, 0x61, 0x61, 0xff)],
    ['trailing bytes', bytes(1, 0)],
    ['a length not in its shortest form', bytes(0x18, 5)],
    ['a wide length not in its shortest form', bytes(0x1a, 0, 0, 0xff, 0xff)],
    ['a number beyond 53 bits', bytes(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['a tag', bytes(0xc0, 0x61, 0x61)],
    ['a floating-point number', bytes(0xf9, 0, 0)],
    ['undefined', bytes(0xf7)],
    ['text that is not UTF-8', bytes(0x62, 0xc3, 0x28)],
    ['a byte string as key', bytes(0xa1, 0x41, 0x61, 1)],
    ['excessive nesting', new Uint8Array(100).fill(0x81)],
    ['too many items', bytes(0x99, 0x10, 0, ...new Uint8Array(4096))],
    ['a promise of more than there is', bytes(0x5a, 0xff, 0xff, 0xff, 0xff)],
    ['an endless array', bytes(0x9b, 0, 0, 0xff, 0, 0, 0, 0, 0)],
    ['nothing', bytes()],
  ])('refuses CBOR with %s', (_, input) => {
    expect(refusal(() => decodeCbor(input))).toBe('cbor-malformed');
  });
  it('refuses more than 64 KiB of CBOR', () => {
    expect(refusal(() => decodeCbor(new Uint8Array(65_537)))).toBe('too-large');
  });
  it('refuses to encode fractions', () => {
    expect(refusal(() => encodeCbor(0.5))).toBe('bad-argument');
  });
});
