import { expect, test } from 'vitest';
import { confirmPage, languageOf } from './pages.ts';

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

test('the confirm page says the same in both languages, whatever a device calls itself', () => {
  const confirmation = {
    team: 'Example <Ltd>',
    person: { email: 'ada@example.com', displayName: null },
    deviceName: '<img src=x>',
    os: 'Linux',
    code: 'BCD-FGH',
    demo: true,
    action: '/interaction/x/decision',
    formTargets: [],
  };
  const english = confirmPage(confirmation).html;
  const german = confirmPage({ ...confirmation, language: 'de' }).html;
  expect(english).toContain('<html lang="en">');
  expect(english).toContain('does its window show the same code?');
  expect(german).toContain('<html lang="de">');
  expect(german).toContain('zeigt sein Fenster denselben Code?');
  for (const html of [english, german]) {
    expect(html).toContain('BCD-FGH');
    expect(html).toContain('Example &lt;Ltd&gt;');
    expect(html).not.toContain('<img');
    expect(html.match(/name="decision" value="(accept|refuse)"/g)).toHaveLength(2);
  }
});
