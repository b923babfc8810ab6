import { expect, test } from 'vitest';
import type { AppSnapshot, Bridge } from '../contract/index.ts';
import { isWantedAtLogin } from './startAtLogin.ts';

// An installer starts Muster at every login of the machine; Muster ends at once where nobody wants that.
test.each([
  ['signed-out', false, false],
  ['enrolled', false, false],
  ['signed-out', true, true],
  ['enrolled', true, true],
  ['enrolling', false, true],
  ['signing-in', false, true],
  ['failed', false, true],
])('%s, start at login %s: stays %s', async (kind, startAtLogin, stays) => {
  const snapshot = { state: { kind }, settings: { startAtLogin } } as AppSnapshot;
  const bridge = { invoke: async () => snapshot } as unknown as Bridge;
  expect(await isWantedAtLogin({ bridge })).toBe(stays);
});
