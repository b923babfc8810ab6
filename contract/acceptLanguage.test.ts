import { expect, test } from 'vitest';
import { languageOf } from './acceptLanguage.ts';

test.each([
  [undefined, 'en'],
  ['', 'en'],
  ['de-DE,de;q=0.9,en;q=0.8', 'de'],
  ['en-US,en;q=0.9,de;q=0.8', 'en'],
  ['fr-CH, fr;q=0.9, de;q=0.7, *;q=0.5', 'de'],
  ['en;q=0.1, DE-at;q=0.6', 'de'],
  ['de;q=0', 'en'],
  ['*', 'en'],
  [';;,,;q=x', 'en'],
])('a browser that accepts %j is answered in %s', (accepted, language) => {
  expect(languageOf(accepted)).toBe(language);
});
