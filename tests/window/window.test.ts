import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../../native/testing/tools.ts';
import { openChromium } from '../web/chromium.ts';
import { LAUNCHERS, type RunningWindow } from './launchers.ts';
import { startWorld, type World } from './world.ts';

const noSwtpm = has('swtpm') ? undefined : 'needs swtpm';

/** One suite, three launchers: the production bundles, the real server, the real sign-in pages. */
for (const launcher of LAUNCHERS) {
  const missing = launcher.missing ?? noSwtpm;
  describe.skipIf(missing)(
    `the window in ${launcher.name}${missing ? ` (${missing})` : ''}`,
    { timeout: 300_000 },
    () => {
      let world: World;
      let count = 0;
      beforeAll(async () => {
        world = await startWorld();
      });
      afterAll(() => world?.close());

      const start = async (folder = `window-${count++}`) => {
        const path = join(world.folder, folder);
        const complaints: string[] = [];
        const window = await launcher.start({ serverUrl: world.origin, tcti: world.tcti, folder: path });
        window.page.setDefaultTimeout(60_000);
        window.page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
        window.page.on('pageerror', (error) => complaints.push(String(error)));
        return { ...window, complaints };
      };
      const heading = (page: Page, name: string) => page.getByRole('heading', { name, level: 1 });

      async function enrol({ page, opened }: RunningWindow): Promise<string> {
        await page.getByRole('button', { name: 'Enrol this device' }).click();
        await heading(page, 'This is what will be sent').waitFor();
        await page.getByRole('button', { name: 'Agree and sign in' }).click();
        await heading(page, 'Waiting for your browser').waitFor();
        const code = await page.locator('main').textContent();
        const [shown = ''] = /[B-Z]{3}-[B-Z]{3}/.exec(code ?? '') ?? [];
        const url = (await opened()).at(-1);
        expect(url).toBeTruthy();
        await signIn(String(url), shown);
        await heading(page, 'Waiting for approval').waitFor();
        return shown;
      }

      /** As the person, in a browser of their own: identity provider, then the confirm page with the same code. */
      async function signIn(url: string, code: string): Promise<void> {
        const browser = await openChromium();
        try {
          const { page } = browser;
          await page.goto(url);
          await page.getByLabel('E-mail').fill(world.person.email);
          await page.getByLabel('Password').fill(world.person.password);
          await page.getByRole('button', { name: 'Sign in' }).click();
          await page.getByText(code).waitFor();
          await page.locator('button:not(.quiet)').first().click();
          await page.getByRole('heading', { name: 'You can close this page' }).waitFor();
        } finally {
          await browser.close();
        }
      }

      async function newest(): Promise<string> {
        const { devices } = await world.api('GET', '/api/v1/devices?limit=1');
        return String(devices[0]?.id);
      }

      it('goes from the first screen to approved, and remembers it after a restart', async () => {
        const window = await start('remembered');
        try {
          await enrol(window);
          await world.decide(await newest(), { decision: 'approved' });
          await heading(window.page, 'This device is approved').waitFor();
          expect(window.complaints).toEqual([]);
        } finally {
          await window.close();
        }
        const again = await start('remembered');
        try {
          await heading(again.page, 'This device is approved').waitFor();
        } finally {
          await again.close();
        }
      });

      it('cancels a sign-in and starts over', async () => {
        const window = await start();
        try {
          const { page } = window;
          await page.getByRole('button', { name: 'Enrol this device' }).click();
          await page.getByRole('button', { name: 'Agree and sign in' }).click();
          await heading(page, 'Waiting for your browser').waitFor();
          // Not the quarter of an hour for which the server keeps the ceremony.
          await page.getByText(/^This sign-in ends in [45] minutes\.$/).waitFor();
          await page.getByRole('button', { name: 'Cancel' }).click();
          await heading(page, 'Enrol this device').waitFor();
        } finally {
          await window.close();
        }
      });
    },
  );
}
