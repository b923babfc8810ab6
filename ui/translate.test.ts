import { expect, test } from 'vitest';
import { createFormatter } from './format.ts';
import { chooseLanguage, chooseLocale, createTranslate } from './translate.ts';

const catalogue = {
  greeting: 'Hello {name}',
  count: { one: '{count} device', other: '{count} devices' },
} as const;

test('placeholders are filled, numbers as the locale writes them, and the plural follows the count', () => {
  const t = createTranslate<typeof catalogue>(catalogue, 'de-DE');
  expect(t('greeting', { name: '<b>{name}</b>' })).toBe('Hello <b>{name}</b>');
  expect(t('count', { count: 1 })).toBe('1 device');
  expect(t('count', { count: 12_345 })).toBe('12.345 devices');
});

test('the chosen language wins; otherwise the first of the system that there is, and English at last', () => {
  expect(chooseLanguage('de', ['en-US'])).toBe('de');
  expect(chooseLanguage('system', ['fr-FR', 'de-AT', 'en-US'])).toBe('de');
  expect(chooseLanguage('system', ['fr-FR'])).toBe('en');
});

test('dates follow the region of the system where it fits the language', () => {
  expect(chooseLocale('de', ['en-US', 'de-AT'])).toBe('de-AT');
  expect(chooseLocale('de', ['en-US'])).toBe('de');
  // Noon of this machine's own day, wherever it stands.
  const noon = new Date(2026, 0, 5, 12).toISOString();
  expect(createFormatter('en-GB').date(noon)).toBe('5 Jan 2026');
  expect(createFormatter('en-US').date(noon)).toBe('Jan 5, 2026');
});

test('ages are told in the largest unit that is full', () => {
  const { relative } = createFormatter('en');
  const now = Date.parse('2026-09-14T09:41:00Z');
  const ago = (seconds: number): string => relative(new Date(now - seconds * 1000).toISOString(), now);
  expect(ago(20)).toBe('now');
  expect(ago(5 * 60 + 30)).toBe('5 minutes ago');
  expect(ago(3 * 3600 + 10)).toBe('3 hours ago');
  expect(ago(86_400)).toBe('yesterday');
  expect(ago(-9.5 * 60)).toBe('in 9 minutes');
});
