import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has } from '../../build/bootstrap.mjs';
import { hasUsableTpm } from '../../build/systemPackages.mjs';
import { type RunningDemo, startDemoProcess } from '../hosts/demoProcess.ts';
import { chromiumPath, type OpenBrowser, openChromium } from '../web/chromium.ts';

// The README's pictures come from here: MUSTER_UPDATE_SCREENSHOTS=1 writes them anew.
const update = process.env.MUSTER_UPDATE_SCREENSHOTS === '1';
const pictures = fileURLToPath(
  new URL(update ? '../../docs/screenshots/' : '../../.work/screenshots/', import.meta.url),
);
const runnable = has('swtpm') && chromiumPath() !== undefined && !hasUsableTpm();

describe.skipIf(!runnable)(
  'a person enrols in the window, an administrator approves in the console (needs swtpm and Chromium)',
  () => {
    let folder: string;
    let demo: RunningDemo;
    let browser: OpenBrowser;
    let administrator: OpenBrowser;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'muster-window-'));
      await mkdir(pictures, { recursive: true });
      demo = await startDemoProcess(['--state', folder]);
      browser = await openChromium({ viewport: { width: 460, height: 700 }, locale: 'en-GB', colorScheme: 'light' });
      administrator = await openChromium({
        viewport: { width: 1240, height: 780 },
        locale: 'en-GB',
        colorScheme: 'light',
      });
    });
    afterAll(async () => {
      await browser?.close();
      await administrator?.close();
      await demo?.interrupt();
      await rm(folder, { recursive: true, force: true });
    });

    const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
    const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();
    const picture = (page: Page, name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });

    async function signIn(page: Page, person: { email: string; password: string }): Promise<void> {
      await page.getByLabel('E-mail').fill(person.email);
      await page.getByLabel('Password').fill(person.password);
      await button(page, 'Sign in').click();
    }

    test('from the first screen to approved', async () => {
      const window = browser.page;
      await window.goto(demo.window);
      await button(window, 'Enrol this device').click();
      await heading(window, 'This is what will be sent');
      await button(window, 'Agree and sign in').click();
      await heading(window, 'Waiting for your browser');
      const card = () => window.locator('.code-card').innerText();
      await expect.poll(card).toMatch(/\b[BCDFGHJKLMNPQRSTVWXZ]{3}-[BCDFGHJKLMNPQRSTVWXZ]{3}\b/);
      const code = (await card()).match(/[A-Z]{3}-[A-Z]{3}/)?.[0] ?? 'none';

      const [page] = await Promise.all([
        browser.context.waitForEvent('page'),
        window.getByRole('link', { name: 'Open the sign-in page' }).click(),
      ]);
      await signIn(page, demo.person);
      await heading(page, 'Confirm your device');
      const confirm = await page.locator('main').innerText();
      for (const named of [code, 'Demo Organization', demo.person.email]) expect(confirm).toContain(named);
      await button(page, 'Enrol this device').click();
      await heading(window, 'Waiting for approval');
      await expect.poll(() => window.locator('main').innerText()).toContain(code);
      const short = (await window.locator('main').innerText()).match(/\b[0-9A-F]{4}-[0-9A-F]{4}\b/)?.[0] ?? 'none';
      await picture(window, 'window-waiting');

      const console_ = administrator.page;
      await console_.goto(demo.console);
      await console_.getByRole('link', { name: 'Sign in' }).click();
      await signIn(console_, demo.administrator);
      await console_.getByRole('link', { name: 'Pending' }).click();
      await console_.getByText(code).first().waitFor();
      await expect.poll(() => console_.locator('main').innerText()).toContain(short);
      await picture(console_, 'console-pending');
      await button(console_, /^Approve/)
        .first()
        .click();

      await heading(window, 'Approved');
      await expect.poll(() => window.locator('main').innerText()).toMatch(/high/i);
      await expect.poll(() => window.locator('main').innerText()).toMatch(/software/i);
      await picture(window, 'window-approved');
      await console_.getByRole('link', { name: 'Recent Devices' }).click();
      await console_.getByRole('table').getByText('Approved').first().waitFor();
      await picture(console_, 'console-devices');
      // A console page asks who it is before the sign-in and is told 401; nothing else may complain.
      expect(browser.errors).toEqual([]);
      expect(administrator.errors.filter((text) => !/401/.test(text))).toEqual([]);
    });

    test('what is enrolled is still there after a restart', async () => {
      expect((await demo.interrupt()).code).toBe(0);
      demo = await startDemoProcess(['--state', folder]);
      await browser.page.goto(demo.window);
      await heading(browser.page, 'Approved');
    });

    test('the console refuses a device with a reason, and the person reads it', async () => {
      const window = browser.page;
      const console_ = administrator.page;
      await console_.goto(demo.console);
      const entrance = console_.getByRole('link', { name: 'Sign in' });
      await entrance.or(console_.locator('table')).first().waitFor();
      if (await entrance.isVisible()) {
        await entrance.click();
        await signIn(console_, demo.administrator);
      }
      await console_.locator('table').getByRole('link').first().click();
      await button(console_, /^Refuse/)
        .first()
        .click();
      const dialog = console_.getByRole('dialog');
      await dialog.getByRole('textbox').fill('This laptop was reported lost.');
      await dialog.getByRole('button', { name: /refuse/i }).click();
      await window.getByText('This laptop was reported lost.').waitFor();
      await picture(window, 'window-refused');
    });
  },
);
