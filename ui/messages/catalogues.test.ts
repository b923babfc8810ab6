import { expect, test } from 'vitest';
import { APPROVAL_REASON_CODES, APPROVAL_REASONS } from '../../contract/approvalReasons.ts';
import { LocalErrorCode } from '../../contract/bridge.ts';
import { AssuranceReason, WhyUnavailable } from '../../contract/device.ts';
import { ErrorCode } from '../../contract/errors.ts';
import { FINDINGS, type FindingCode } from '../../contract/findings.ts';
import { administrationDe } from './administration.de.ts';
import { administrationEn } from './administration.en.ts';
import { authoritiesDe } from './authorities.de.ts';
import { authoritiesEn } from './authorities.en.ts';
import { commonDe } from './common.de.ts';
import { commonEn } from './common.en.ts';
import { consoleDe } from './console.de.ts';
import { consoleEn } from './console.en.ts';
import { errorsDe } from './errors.de.ts';
import { findingsDe } from './findings.de.ts';
import { makersDe } from './makers.de.ts';
import { makersEn } from './makers.en.ts';
import { oversightDe } from './oversight.de.ts';
import { oversightEn } from './oversight.en.ts';
import { reasonsDe } from './reasons.de.ts';
import type { Catalogue, Message } from './types.ts';
import { windowDe } from './window.de.ts';
import { windowEn } from './window.en.ts';

const PAIRS: [string, Catalogue, Catalogue][] = [
  ['common', commonEn, commonDe],
  ['window', windowEn, windowDe],
  ['console', consoleEn, consoleDe],
  ['administration', administrationEn, administrationDe],
  ['oversight', oversightEn, oversightDe],
  ['makers', makersEn, makersDe],
  ['authorities', authoritiesEn, authoritiesDe],
];

const textsOf = (message: Message): string[] =>
  typeof message === 'string' ? [message] : [message.one, message.other];
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();

test.each(PAIRS)('%s: both languages have the same keys, in the same kind', (_name, en, de) => {
  expect(Object.keys(de)).toEqual(Object.keys(en));
  for (const [key, message] of Object.entries(en)) expect(typeof de[key], key).toBe(typeof message);
});

test.each(PAIRS)('%s: every text of a key names the same placeholders', (_name, en, de) => {
  for (const [key, message] of Object.entries(en)) {
    const expected = placeholders(textsOf(message).at(-1) ?? '');
    for (const text of textsOf(de[key] ?? '')) expect(placeholders(text), key).toEqual(expected);
  }
});

test.each(PAIRS)('%s: no key is left untranslated or empty', (_name, en, de) => {
  // Words that are the same in both languages.
  const same = [
    'Muster',
    'Server',
    'Version',
    'Name',
    'System',
    'Team',
    'Secure Boot',
    'Normal',
    'Code',
    '{name}: {state}.',
    '{source}: {column}',
    '{screen} – Muster',
    'Tags',
    'Apple',
    'Secure Boot: {state}',
  ];
  for (const [key, message] of Object.entries(en)) {
    const [english = ''] = textsOf(message);
    const [german = ''] = textsOf(de[key] ?? '');
    expect(german.trim(), key).not.toBe('');
    if (!same.includes(english)) expect(german, key).not.toBe(english);
  }
});

test('no two catalogues of one application share a key', () => {
  for (const own of [windowEn, consoleEn, administrationEn, oversightEn, makersEn, authoritiesEn]) {
    expect(Object.keys(own).filter((key) => key in commonEn)).toEqual([]);
  }
});

test('the words are those of the design: refused, never denied or rejected', () => {
  for (const [, en] of PAIRS) {
    for (const message of Object.values(en))
      for (const text of textsOf(message)) expect(text).not.toMatch(/denied|reject/i);
  }
});

test('every error code has a German title and advice, and no code is left over', () => {
  expect(Object.keys(errorsDe).sort()).toEqual([...ErrorCode.options, ...LocalErrorCode.options].sort());
  for (const [title, advice] of Object.values(errorsDe)) {
    expect(title).toMatch(/\.$/);
    expect(advice).toMatch(/\.$/);
  }
});

test('every finding of a check has a German sentence with the same values, and a remedy where the English one has one', () => {
  expect(Object.keys(findingsDe).sort()).toEqual(Object.keys(FINDINGS).sort());
  for (const code of Object.keys(FINDINGS) as FindingCode[]) {
    const [detail, remedy] = FINDINGS[code];
    const [german, germanRemedy] = findingsDe[code];
    expect(placeholders(german), code).toEqual(placeholders(detail));
    expect(german, code).not.toBe(detail);
    expect(germanRemedy === null, code).toBe(remedy === null);
    expect(placeholders(germanRemedy ?? ''), code).toEqual(placeholders(remedy ?? ''));
  }
});

test('every reason of assurance and of a fact that is missing has a sentence in both languages', () => {
  for (const code of AssuranceReason.shape.code.options) {
    expect(commonEn, code).toHaveProperty([`reason.${code}`]);
    expect(commonDe, code).toHaveProperty([`reason.${code}`]);
  }
  for (const why of WhyUnavailable.options) {
    expect(windowEn, why).toHaveProperty([`why.${why}`]);
    expect(windowDe, why).toHaveProperty([`why.${why}`]);
  }
});

test('every automatic reason has a German sentence with the same values', () => {
  expect(Object.keys(reasonsDe)).toEqual(APPROVAL_REASON_CODES);
  for (const code of APPROVAL_REASON_CODES) {
    expect(placeholders(reasonsDe[code]), code).toEqual(placeholders(APPROVAL_REASONS[code]));
    expect(reasonsDe[code], code).not.toBe(APPROVAL_REASONS[code]);
  }
});
