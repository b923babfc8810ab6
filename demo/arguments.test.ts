import { expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

test.each([
  [[], { once: false, acceptSoftwareTpm: true, state: undefined, port: undefined }],
  [['--once', '--state', 'x'], { once: true, state: 'x' }],
  [['--once', '--no-accept-software-tpm'], { acceptSoftwareTpm: false }],
  [['--port', '8080'], { port: 8080 }],
])('%j', (args, expected) => {
  expect(readArguments(args)).toMatchObject(expected);
});

test.each([
  [['--port', 'abc']],
  [['--port', '70000']],
  [['--nonsense']],
  [['extra']],
])('%j is refused with advice', (args) => {
  expect(() => readArguments(args)).toThrow(expect.objectContaining({ code: 'usage' }));
});
