import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { shortIdentifier } from './shortIdentifier.ts';

test('an EK URN becomes the first eight hexadecimal digits of its hash', () => {
  const digest = createHash('sha256').update('an endorsement key').digest();
  const hex = digest.toString('hex').toUpperCase();
  expect(shortIdentifier(`urn:ek:sha256:${digest.toString('base64')}`)).toBe(`${hex.slice(0, 4)}-${hex.slice(4, 8)}`);
});

test('a serial number stays as it is, and so does a URN that is not of the recognised form', () => {
  expect(shortIdentifier('C02XK1ZHJGH5')).toBe('C02XK1ZHJGH5');
  expect(shortIdentifier('urn:ek:sha256:short')).toBe('urn:ek:sha256:short');
});
