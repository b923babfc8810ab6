import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { AppSnapshot, type Diagnostic } from '../../contract/bridge.ts';
import { I18nProvider } from '../../ui/I18n.tsx';
import { windowDe } from '../../ui/messages/window.de.ts';
import { windowEn } from '../../ui/messages/window.en.ts';
import type { Language } from '../../ui/translate.ts';
import { AppWindow } from '../App.tsx';
import { createFakeBridge } from '../gallery/fakeBridge.ts';
import { DIAGNOSTICS, SNAPSHOTS, type SnapshotName } from '../gallery/fixtures.ts';
import { Finding } from '../pages/Diagnostics.tsx';
import { errorReport, windowCatalogues } from '../text.ts';

function show(name: SnapshotName, language: Language = 'en'): string {
  const snapshot = SNAPSHOTS[name];
  return renderToStaticMarkup(
    <I18nProvider language={language} locale={language} catalogues={windowCatalogues}>
      <AppWindow link={createFakeBridge(snapshot)} snapshot={snapshot} alive />
    </I18nProvider>,
  ).replaceAll('&#x27;', "'");
}

const names = Object.keys(SNAPSHOTS) as SnapshotName[];
const TITLES: Record<SnapshotName, keyof typeof windowEn | string> = {
  starting: 'starting.title',
  'signed-out': 'signedOut.title',
  'signed-out-no-server': 'signedOut.title',
  review: 'review.title',
  'review-mac': 'review.title',
  'signing-in': 'signingIn.title',
  enrolling: 'enrolling.title',
  waiting: 'waiting.title',
  'waiting-demo': 'waiting.title',
  approved: 'approved.title',
  'approved-software': 'approved.title',
  'approved-demo': 'approved.title',
  'approved-stale': 'approved.title',
  refused: 'refused.title',
  'refused-no-reason': 'refused.title',
  quarantined: 'quarantined.title',
  conflict: 'conflict.title',
  deleted: 'deleted.title',
  offline: 'approved.title',
  failed: 'Muster may not use the security chip (TPM)',
  'failed-final': 'Your team does not let people enrol devices without an invite',
  managed: 'signedOut.title',
  'server-question': 'signedOut.title',
};

test.each(names)('the fixture %s is a snapshot by the contract', (name) => {
  expect(AppSnapshot.safeParse(SNAPSHOTS[name]).error).toBeUndefined();
});

describe.each(['en', 'de'] as const)('%s', (language) => {
  test.each(names)('%s has one main part and one heading that names the state', (name) => {
    const html = show(name, language);
    const catalogue: Record<string, unknown> = language === 'en' ? windowEn : windowDe;
    expect(html.match(/<main/g)).toHaveLength(1);
    const heading = /<h1[^>]*>([^<]*)<\/h1>/.exec(html)?.[1];
    const title = TITLES[name];
    if (title in catalogue) expect(heading).toBe(catalogue[title]);
    else if (language === 'en') expect(heading).toBe(title);
    else expect(heading).not.toBe(title);
    expect(html).not.toMatch(/\sstyle="|<script|\{\w+\}/);
  });
});

test('waiting: name, code, short form and owner, never the team that is not there', () => {
  const html = show('waiting');
  for (const part of ['carl-thinkpad', 'KTW-RBF', '3FA9-C21B', 'carl@example.com', 'Nordlicht Studio']) {
    expect(html).toContain(part);
  }
  expect(html).toContain('K T W, R B F');
});

test('high assurance is only said where the device has it, and a software TPM never looks like hardware', () => {
  expect(show('approved')).toContain('High assurance');
  expect(show('approved')).toContain('Hardware security chip');
  const software = show('approved-software');
  expect(software).toContain('Normal assurance');
  expect(software).toContain('Software TPM');
  expect(software).not.toContain('High assurance');
  expect(software).not.toContain('Hardware security chip');
});

test('normal assurance names what is missing, and offers a fresh proof where that would help', () => {
  const stale = show('approved-stale');
  expect(stale).toContain('What is missing');
  expect(stale).toContain('Its last proof is too old.');
  expect(stale).toContain('Prove this device again');
  expect(show('approved-software')).not.toContain('Prove this device again');
  expect(show('approved')).not.toContain('What is missing');
});

test('a demo says so on every screen, and says why its software TPM counts there', () => {
  for (const name of ['waiting-demo', 'approved-demo'] as const) expect(show(name)).toContain('Demo: nothing here');
  expect(show('approved-demo')).toContain('which no real inventory counts as proof');
  expect(show('waiting')).not.toContain('Demo:');
});

test('refused: the reason as it was given, as text', () => {
  expect(show('refused')).toContain('This laptop is not on our purchase list.');
  expect(show('refused-no-reason')).toContain('No reason was given.');
});

test('review: everything that is sent, with what cannot be read said so', () => {
  const html = show('review');
  for (const part of [
    'carl-thinkpad',
    'Debian 12',
    'LENOVO ThinkPad',
    'Infineon',
    'Cannot be read',
    'urn:ek:sha256:',
  ]) {
    expect(html).toContain(part);
  }
  const mac = show('review-mac');
  for (const part of ['C02XK1ZHJGH5', 'Not on a Mac', '00006031-001C2D8E3A90401E']) expect(mac).toContain(part);
});

test('a German error keeps the English detail among the technical details, marked as English', () => {
  const html = show('failed', 'de');
  expect(html).toContain('Muster darf den Sicherheitschip (TPM) nicht benutzen');
  expect(html).toContain('<span lang="en">Muster may not use the security chip (TPM). The device /dev/tpmrm0 is there');
});

test('"copy details" holds the error, version and request, and nothing else', () => {
  const { state } = SNAPSHOTS['failed-final'];
  if (state.kind !== 'failed') throw new Error('fixture');
  expect(errorReport(state.error, '0.1.0').split('\n')).toEqual([
    'Muster 0.1.0',
    `self-enrolment-off: ${state.error.title}`,
    state.error.detail,
    state.error.advice,
    'Request: 01J7Z3K8Q9M4T2',
  ]);
});

test('enrolling: all steps in order, done ones and the current one marked in words', () => {
  const html = show('enrolling');
  expect(html.match(/class="step step-done"/g)).toHaveLength(5);
  expect(html).toContain('aria-current="step"');
  expect(html).toContain('Step 6 of 8: Prove that the key is in this chip');
});

test('what a check saw is said in German too, and as it came where its code is unknown', () => {
  const found = (change: object) =>
    renderToStaticMarkup(
      <I18nProvider language="de" locale="de" catalogues={windowCatalogues}>
        <Finding check={{ ...(DIAGNOSTICS[0] as Diagnostic), ...change }} />
      </I18nProvider>,
    );
  expect(found({})).toBe(
    '<p class="soft" lang="de">https://muster.nordlicht.example antwortet für das Team „Nordlicht Studio“ (Version 0.1.0).</p>',
  );
  const lost = found({ finding: { code: 'server-unreachable', values: {} } });
  expect(lost).toContain('Der Server ist nicht erreichbar.');
  const later = { detail: 'New here.', finding: { code: 'of-a-later-version', values: {} } };
  expect(found(later)).toBe('<p class="soft" lang="en">New here.</p>');
});
