import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOW, SNAPSHOTS, type SnapshotName } from '../../renderer/gallery/fixtures.ts';
import { runAxe } from './axe.ts';
import { chromiumPath, type OpenBrowser, openChromium } from './chromium.ts';
import { type Gallery, serveGallery, stopClock } from './gallery.ts';

const names = Object.keys(SNAPSHOTS) as SnapshotName[];
const PAGES = ['details', 'diagnostics', 'settings'];

describe.skipIf(!chromiumPath())('the window (needs Chromium)', () => {
  let gallery: Gallery;
  let browser: OpenBrowser;
  let opened = 0;

  beforeAll(async () => {
    gallery = await serveGallery('renderer');
    browser = await openChromium({ viewport: { width: 440, height: 640 }, reducedMotion: 'reduce', locale: 'en-US' });
    await stopClock(browser.page, NOW);
  });
  afterAll(async () => {
    await browser?.close();
    await gallery?.close();
  });

  async function open(name: SnapshotName, query: Record<string, string> = {}, hash = ''): Promise<void> {
    opened += 1;
    const search = new URLSearchParams({ state: name, ...query, opened: String(opened) });
    await browser.page.goto(`${gallery.url}?${search}${hash}`);
    await browser.page.locator('h1').waitFor();
  }

  /** Another state in the open window, as the core would push it. */
  async function show(name: SnapshotName, language = 'en'): Promise<void> {
    const snapshot = SNAPSHOTS[name];
    await browser.page.evaluate(
      (shown) => (globalThis as unknown as { gallery: { show(shown: unknown): void } }).gallery.show(shown),
      { ...snapshot, settings: { ...snapshot.settings, language } },
    );
    // React draws in a task of its own: two frames later it has.
    await browser.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  const called = (): Promise<{ method: string; params: unknown }[]> =>
    browser.page.evaluate(
      () => (globalThis as unknown as { gallery: { calls: { method: string; params: unknown }[] } }).gallery.calls,
    );

  const axe = (): Promise<string[]> => runAxe(browser.page);

  // Colours do not depend on the language, nor anything else on the scheme: two runs cover both of both.
  test.each([
    ['light', 'en'],
    ['dark', 'de'],
  ] as const)('axe finds nothing on any screen (%s, %s)', async (colorScheme, language) => {
    const { page } = browser;
    await page.emulateMedia({ colorScheme });
    await open('starting', { language });
    const found: Record<string, string[]> = {};
    for (const name of names) {
      await show(name, language);
      await page.evaluate(() => {
        for (const fold of document.querySelectorAll('details')) fold.open = true;
      });
      found[name] = await axe();
    }
    for (const hash of PAGES) {
      await open('approved', { language }, `#/${hash}`);
      found[hash] = await axe();
    }
    expect(Object.entries(found).filter(([, violations]) => violations.length > 0)).toEqual([]);
  });

  test('nothing breaks the Content-Security-Policy, and nothing else complains', async () => {
    await open('starting');
    for (const name of names) await show(name);
    expect(browser.errors).toEqual([]);
  });

  describe.each([
    ['twice the text size', 440, '200%', 'ltr'],
    ['twice the text size in a narrow window', 340, '200%', 'ltr'],
    ['right to left', 440, '125%', 'rtl'],
  ])('%s', (_name, width, fontSize, direction) => {
    test.each(['en', 'de'])('nothing is wider than the window (%s)', async (language) => {
      await browser.page.setViewportSize({ width, height: 640 });
      const wide: string[] = [];
      await open('starting', { language, direction });
      await browser.page.evaluate((size) => document.documentElement.style.setProperty('font-size', size), fontSize);
      for (const name of names) {
        await show(name, language);
        const overflow = await browser.page.evaluate(() =>
          [...document.querySelectorAll('body *')]
            .filter((element) => !element.closest('.visually-hidden'))
            .filter((element) => {
              const { left, right } = element.getBoundingClientRect();
              return left < -1 || right > document.documentElement.clientWidth + 1;
            })
            .map((element) => element.outerHTML.slice(0, 80)),
        );
        if (overflow.length > 0) wide.push(`${name}: ${overflow[0]}`);
      }
      await browser.page.setViewportSize({ width: 440, height: 640 });
      expect(wide).toEqual([]);
    });
  });

  test('from the first screen to consent by keyboard alone', async () => {
    const { page } = browser;
    await open('signed-out-no-server');
    await page.keyboard.press('Tab'); // menu
    await page.keyboard.press('Tab');
    await page.keyboard.type('muster.example.com');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('It starts with https://').waitFor();
    await expect.poll(() => page.getByLabel('Server address').getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('https://muster.example.com');
    await page.keyboard.press('Enter');
    await expect
      .poll(called)
      .toContainEqual({ method: 'prepare', params: { serverUrl: 'https://muster.example.com' } });

    await open('review');
    await page.getByRole('button', { name: 'Agree and sign in' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(called).toContainEqual({ method: 'enroll', params: {} });
  });

  test('another server can be named, unless the organization says which one it is', async () => {
    const { page } = browser;
    await open('signed-out');
    await page.getByRole('button', { name: 'Use another server' }).press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
    await page.keyboard.type('https://other.example.com');
    await page.keyboard.press('Enter');
    await expect.poll(called).toContainEqual({ method: 'prepare', params: { serverUrl: 'https://other.example.com' } });
    await open('managed');
    await expect.poll(() => page.getByRole('button', { name: 'Use another server' }).count()).toBe(0);
  });

  test('the menu opens, moves and closes by keyboard, and gives the focus back', async () => {
    const { page } = browser;
    await open('approved');
    await page.keyboard.press('Tab');
    const menu = page.getByRole('button', { name: 'Menu' });
    await expect.poll(() => menu.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await expect.poll(() => menu.getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Device details');
    await page.keyboard.press('Escape');
    await expect.poll(() => menu.getAttribute('aria-expanded')).toBe('false');
    await expect.poll(() => menu.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await expect.poll(() => menu.getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Device details');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Device details' }).waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
    await expect.poll(() => page.title()).toBe('Device details – Muster');
    await page.getByRole('button', { name: 'Back' }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'This device is approved' }).waitFor();
  });

  test('unenrolling asks first; Escape and Cancel change nothing', async () => {
    const { page } = browser;
    await open('approved');
    const ask = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('button', { name: 'Unenrol this device…' }).click();
      await page.getByRole('alertdialog', { name: 'Unenrol this device?' }).waitFor();
    };
    await ask();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    expect(await axe()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await ask();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect((await called()).map((call) => call.method)).not.toContain('unenroll');
    await ask();
    await page.getByRole('button', { name: 'Unenrol', exact: true }).click();
    await expect.poll(async () => (await called()).map((call) => call.method)).toContain('unenroll');
  });

  test('another server is asked about, and keeping the current one is what Enter does', async () => {
    const { page } = browser;
    await open('server-question');
    await page.getByRole('alertdialog', { name: 'Use another server?' }).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(called).toContainEqual({ method: 'answerServerQuestion', params: { accept: false } });
  });

  test('a managed setting is disabled and says who manages it', async () => {
    const { page } = browser;
    await open('managed', {}, '#/settings');
    const start = page.getByRole('switch', { name: 'Start when I sign in to this computer' });
    await expect.poll(() => start.isDisabled()).toBe(true);
    await page.getByText('Managed by your organization').first().waitFor();
    await open('approved', {}, '#/settings');
    await start.click();
    await expect.poll(called).toContainEqual({ method: 'changeSettings', params: { startAtLogin: false } });
  });

  test('the language changes at once, for people and for screen readers', async () => {
    const { page } = browser;
    await open('approved', {}, '#/settings');
    await page.getByLabel('Language').selectOption('de');
    await page.getByRole('heading', { level: 1, name: 'Einstellungen' }).waitFor();
    await expect.poll(() => page.evaluate(() => document.documentElement.lang)).toBe('de');
  });

  test('a screen that changes by itself is announced, and a focus that lost its place goes to the heading', async () => {
    const { page } = browser;
    await open('review');
    await page.getByRole('button', { name: 'Agree and sign in' }).focus();
    await show('enrolling');
    await page
      .getByRole('status')
      .getByText('Step 6 of 8: Prove that the key is in this chip')
      .waitFor({ state: 'attached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
  });

  test('details are copied even where the page may not use the clipboard', async () => {
    const { page, context } = browser;
    await context.clearPermissions();
    await open('failed');
    const copied = page.evaluate(
      () =>
        new Promise<string>((done) =>
          addEventListener('copy', (event) => done(event.clipboardData?.getData('text/plain') ?? '')),
        ),
    );
    await page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', {
        value: { writeText: () => Promise.reject(new Error('not allowed')) },
      });
    });
    await page.getByRole('button', { name: 'Copy details' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await copied).toContain('tpm-permission');
  });
});
