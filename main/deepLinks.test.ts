import { describe, expect, it } from 'vitest';
import { type DeepLink, parseDeepLink } from './deepLinks.ts';
import { deepLinkIn } from './linkArguments.ts';

const CASES: [string, DeepLink][] = [
  ['muster://open', { kind: 'open' }],
  ['muster://open/', { kind: 'open' }],
  ['MUSTER://open', { kind: 'open' }],
  ['muster://open?server=https://inventory.example', { kind: 'open-server', serverUrl: 'https://inventory.example' }],
  [
    'muster://open?server=https%3A%2F%2Finventory.example%2Fdeep%2Fpath',
    { kind: 'open-server', serverUrl: 'https://inventory.example' },
  ],
  ['muster://open?server=inventory.example', { kind: 'open-server', serverUrl: 'https://inventory.example' }],
  ['muster://open?server=http://127.0.0.1:8080', { kind: 'open-server', serverUrl: 'http://127.0.0.1:8080' }],
  ['muster://open?server=http://inventory.example', { kind: 'refused', reason: 'insecure-server' }],
  ['muster://open?server=file:///etc/passwd', { kind: 'refused', reason: 'insecure-server' }],
  ['muster://open?server=javascript:alert(1)', { kind: 'refused', reason: 'insecure-server' }],
  ['muster://open?server=https://user:secret@inventory.example', { kind: 'refused', reason: 'insecure-server' }],
  ['muster://open?server=https://a.example&token=secret', { kind: 'refused', reason: 'too-much' }],
  ['muster://open?server=https://a.example&server=https://b.example', { kind: 'refused', reason: 'too-much' }],
  ['muster://open?invite=secret', { kind: 'refused', reason: 'too-much' }],
  ['muster://open#secret', { kind: 'refused', reason: 'too-much' }],
  ['muster://user@open', { kind: 'refused', reason: 'too-much' }],
  ['muster://open/elsewhere', { kind: 'refused', reason: 'unknown' }],
  ['muster://unenroll', { kind: 'refused', reason: 'unknown' }],
  ['muster:open', { kind: 'refused', reason: 'unknown' }],
  ['https://open', { kind: 'refused', reason: 'malformed' }],
  ['not a link', { kind: 'refused', reason: 'malformed' }],
  [`muster://open?server=https://${'a'.repeat(3000)}.example`, { kind: 'refused', reason: 'malformed' }],
];

describe('deep links', () => {
  for (const [text, expected] of CASES) {
    it(`${text.slice(0, 70)} -> ${expected.kind}`, () => expect(parseDeepLink(text)).toEqual(expected));
  }

  it('are found among the arguments that Chromium adds', () => {
    expect(deepLinkIn(['/opt/Muster/muster-app', '--type=x', 'muster://open', '--flag'])).toBe('muster://open');
    expect(deepLinkIn(['/opt/Muster/muster-app', '--hidden'])).toBeUndefined();
  });
});
