import { expect, test } from 'vitest';
import { Device } from '../contract/device.ts';
import { differencesOf } from './decide/differences.ts';
import { DEVICES, makeDevice } from './gallery/fixtures.ts';
import { hrefOf, parseRoute } from './route.ts';
import { merge } from './useDevices.ts';

const [first, second] = DEVICES as [Device, Device];

test.each(
  DEVICES.map((device) => [device.name, device] as const),
)('the fixture %s is a device by the contract', (_name, device) => {
  expect(Device.safeParse(device).error).toBeUndefined();
});

test('a changed device changes where it stands', () => {
  const changed = { ...second, name: 'renamed', version: second.version + 1 };
  expect(merge([first, second], changed, {})).toEqual([first, changed]);
});

test('an older version than the one shown changes nothing: events may arrive after the answer of a decision', () => {
  const shown = [first, second];
  expect(merge(shown, { ...second, approval: 'refused', version: second.version - 1 }, {})).toBe(shown);
});

test('a new device comes first, where it belongs into the list', () => {
  const fresh = makeDevice({ name: 'fresh' });
  expect(merge([first], fresh, { approval: 'pending' })).toEqual([fresh, first]);
  expect(merge([first], { ...fresh, approval: 'approved' }, { approval: 'pending' })).toEqual([first]);
  expect(merge([first], fresh, { search: 'FRESH' })).toEqual([fresh, first]);
  expect(merge([first], fresh, { search: 'other' })).toEqual([first]);
});

test('a decided device leaves the queue; what a search found stays found', () => {
  const decided = { ...first, approval: 'approved', version: first.version + 1 } as const;
  expect(merge([first, second], decided, { approval: 'pending' })).toEqual([second]);
  expect(merge([first, second], decided, { search: 'something only the server searches' })).toEqual([decided, second]);
});

test('differences name exactly the facts that changed', () => {
  expect(differencesOf(first, { ...first, version: 9, lastSeenAt: null })).toEqual([]);
  const now = { ...first, attestation: 'failed', owner: null } as const;
  expect(differencesOf(first, now).map(({ field }) => field)).toEqual(['owner', 'attestation']);
});

test('addresses lead back to their view', () => {
  for (const route of [{ name: 'devices' }, { name: 'pending' }, { name: 'device', id: 'a/b c' }] as const) {
    expect(parseRoute(hrefOf(route))).toEqual(route);
  }
  expect(parseRoute('#/nothing-like-this')).toEqual({ name: 'devices' });
});
