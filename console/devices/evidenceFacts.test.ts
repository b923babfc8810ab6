import { expect, test } from 'vitest';
import { pcrsOf, pemOf, verdictOf } from './evidenceFacts.ts';

test('registers are shown in hexadecimal; what is none is left out', () => {
  const quote = { pcrs: [{ index: 0, value: 'AP8Q' }, { index: 7, value: '!' }, { index: '1' }, null] };
  expect(pcrsOf({ bytes: { received: { quote } } })).toEqual([
    { index: 0, value: '00ff10' },
    { index: 7, value: '!' },
  ]);
  expect(pcrsOf({ bytes: { received: null } })).toEqual([]);
});

test('certificates become PEM, in lines of 64', () => {
  const der = 'A'.repeat(80);
  const pem = pemOf({ bytes: { endorsement: { ekCertificates: [der] }, received: { akChain: ['Qg=='] } } });
  expect(pem).toBe(
    `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n${'A'.repeat(16)}\n-----END CERTIFICATE-----\n` +
      '-----BEGIN CERTIFICATE-----\nQg==\n-----END CERTIFICATE-----\n',
  );
  expect(pemOf({ bytes: { endorsement: null } })).toBe('');
});

test('a verdict of any time is read as far as it goes', () => {
  expect(verdictOf({ verdict: { ekClass: 'hardware', reasons: ['a', 1], secureBoot: 'on' } })).toEqual({
    ekClass: 'hardware',
    reasons: ['a'],
    secureBoot: 'on',
    code: null,
  });
  expect(verdictOf({ verdict: { code: 'quote-refused', secureBoot: 'maybe' } })).toMatchObject({
    reasons: [],
    code: 'quote-refused',
    secureBoot: null,
  });
});
