import { expect, it } from 'vitest';
import type { Device } from '../../contract/device.ts';
import { makeDevice } from '../gallery/fixtures.ts';
import { collectMatching, MOST } from './useSelection.ts';

const SIZE = 200;

/** Pages of an inventory of `total` devices. */
function pagesOf(total: number) {
  const devices = Array.from({ length: total }, (): Device => makeDevice({}));
  return async (cursor: string | null) => {
    const from = Number(cursor ?? 0);
    const next = from + SIZE < total ? String(from + SIZE) : null;
    return { devices: devices.slice(from, from + SIZE), next };
  };
}

it.each([
  [0, 0, false],
  [SIZE + 1, SIZE + 1, false],
  [MOST, MOST, false],
  [MOST + 1, MOST, true],
])('of %i that match, %i are chosen; that there are more is said: %s', async (total, chosen, capped) => {
  const told: number[] = [];
  const found = await collectMatching(pagesOf(total), (count) => told.push(count) > 0);
  expect([found.devices.length, found.capped]).toEqual([chosen, capped]);
  expect(told.at(-1)).toBe(chosen);
});

it('stops where the question is another by now', async () => {
  expect((await collectMatching(pagesOf(MOST), () => false)).devices).toHaveLength(SIZE);
});
