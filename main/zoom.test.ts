import { EventEmitter } from 'node:events';
import type { Input } from 'electron';
import { expect, it } from 'vitest';
import { allowLargerText } from './zoom.ts';

function contentsOn(platform: NodeJS.Platform) {
  let factor = 1;
  const contents = Object.assign(new EventEmitter(), {
    getZoomFactor: () => factor,
    setZoomFactor(next: number) {
      // As Chromium answers: levels are logarithms.
      factor = 1.2 ** (Math.log(next) / Math.log(1.2));
    },
  });
  allowLargerText(contents as never, platform);
  const press = (input: Partial<Input>): boolean => {
    let taken = false;
    const event = { preventDefault: () => (taken = true) };
    contents.emit('before-input-event', event, { type: 'keyDown', control: true, meta: false, alt: false, ...input });
    return taken;
  };
  const factors = () => Math.round(factor * 100);
  return { contents, press, percent: factors };
}

it('text grows to twice its size, shrinks to the usual one, and no further', () => {
  const { press, percent } = contentsOn('linux');
  const seen = ['+', '=', '+', '+', '+'].map((key) => press({ key }) && percent());
  expect(seen).toEqual([125, 150, 175, 200, 200]);
  expect(press({ key: '-' }) && percent()).toBe(175);
  expect(press({ key: '0' }) && percent()).toBe(100);
  expect(press({ key: '-' }) && percent()).toBe(100);
});

it('the wheel does the same', () => {
  const { contents, percent } = contentsOn('win32');
  contents.emit('zoom-changed', {}, 'in');
  contents.emit('zoom-changed', {}, 'in');
  contents.emit('zoom-changed', {}, 'out');
  expect(percent()).toBe(125);
});

it('other keys go on to the page: without Ctrl, with Alt (AltGr), released, or the other system’s key', () => {
  const { press, percent } = contentsOn('win32');
  for (const input of [
    { key: '+', control: false },
    { key: '+', alt: true },
    { key: '+', type: 'keyUp' as const },
    { key: '+', control: false, meta: true },
    { key: 'a' },
  ]) {
    expect(press(input)).toBe(false);
  }
  expect(percent()).toBe(100);
  expect(contentsOn('darwin').press({ key: '+', control: false, meta: true })).toBe(true);
  expect(contentsOn('darwin').press({ key: '+' })).toBe(false);
});
