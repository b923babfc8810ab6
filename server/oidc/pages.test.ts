import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { confirmPage, errorPage } from './pages.ts';
import { errorTexts, sentenceIn } from './pageTexts.ts';

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

test('a refusal in a browser is told in its language: what happened, why, and what to do next', () => {
  const refusal = { code: 'sign-in-failed', detail: 'The identity provider sent no ID token.' } as const;
  const english = errorPage(refusal, false, 'en').html;
  expect(english).toContain('<p>The identity provider sent no ID token.</p><p>Sign in again');
  const german = errorPage(refusal, false, 'de').html;
  expect(german).toContain('<html lang="de">');
  expect(german).toContain('<h1>Die Anmeldung wurde nicht angenommen.</h1><p>Der Identity Provider hat kein ID-Token');
  // What says no more than the title is not said again.
  const [title, advice] = errorTexts('ceremony-expired', 'en');
  expect(errorPage({ code: 'ceremony-expired', detail: title }, false, 'en').html).toContain(
    `</h1><p>${advice}</p></main>`,
  );
});

test('every refusal of the sign-in has its German', async () => {
  const names = (await readdir(import.meta.dirname)).filter((name) => /\.ts$/.test(name) && !/\.test\.ts$/.test(name));
  const found: [code: string, sentence: string | undefined][] = [];
  for (const name of names) {
    const source = await readFile(join(import.meta.dirname, name), 'utf8');
    const refusals = source.matchAll(/(?:refuse|new ServerError)\(\s*'([a-z-]+)'(?:,\s*'([^']+)')?/g);
    for (const [, code = '', sentence] of refusals) found.push([code, sentence]);
  }
  // Why a server does not start is told on a command line, and a request of another site to a script.
  const told = found.filter(
    ([code, sentence]) => code !== 'configuration' && sentence !== 'This request was not sent from this server.',
  );
  expect(told.length).toBeGreaterThan(12);
  for (const [code, sentence] of told) {
    expect(errorTexts(code as 'forbidden', 'de')[0], code).not.toBe(errorTexts(code as 'forbidden', 'en')[0]);
    if (sentence !== undefined) expect(sentenceIn('de', sentence), sentence).not.toBe(sentence);
  }
});
