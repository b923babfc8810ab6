import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWeb } from '../../build/web.ts';
import type { AppSnapshot, Bridge } from '../../contract/index.ts';
import { type BrowserHost, startBrowserHost } from '../../main/browserHost/index.ts';
import { createFakeBridge } from '../../renderer/gallery/fakeBridge.ts';
import { SNAPSHOTS } from '../../renderer/gallery/fixtures.ts';
import { chromiumPath, type OpenBrowser, openChromium } from './chromium.ts';
import { root } from './gallery.ts';

describe.skipIf(!chromiumPath())('the shipped window over the browser host (needs Chromium)', () => {
  let host: BrowserHost;
  let browser: OpenBrowser;
  const fake = createFakeBridge(SNAPSHOTS['signed-out-no-server']);
  const bridge: Bridge = {
    subscribe: fake.bridge.subscribe,
    invoke: async (method, params) => {
      if (method === 'unenroll') throw new Error('not while this test runs');
      return fake.bridge.invoke(method, params);
    },
  };
  const inBrowser = (snapshot: AppSnapshot): AppSnapshot => ({ ...snapshot, host: 'browser' });

  beforeAll(async () => {
    const { rendererFolder } = await buildWeb(root);
    host = await startBrowserHost({ app: { bridge }, rendererFolder });
    browser = await openChromium({ viewport: { width: 440, height: 640 } });
    await browser.page.goto(host.url);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.close();
  });

  test('what the person enters reaches the core, and what the core pushes reaches the person', async () => {
    const { page } = browser;
    await page.getByLabel('Server address').fill('https://muster.example.com');
    await page.getByRole('button', { name: 'Enrol this device' }).click();
    await expect
      .poll(() => fake.calls)
      .toContainEqual({ method: 'prepare', params: { serverUrl: 'https://muster.example.com' } });
    fake.show(inBrowser(SNAPSHOTS['signing-in']));
    await page.getByText('KTW-RBF').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(() => fake.calls.map((call) => call.method)).toContain('cancel');
    fake.show(inBrowser(SNAPSHOTS.waiting));
    await page.getByRole('heading', { name: 'Waiting for approval' }).waitFor();
    fake.show(inBrowser(SNAPSHOTS.approved));
    await page.getByRole('heading', { name: 'This device is approved' }).waitFor();
  });

  test('a call that fails is said, without leaving the screen', async () => {
    const { page } = browser;
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('button', { name: 'Unenrol this device…' }).click();
    await page.getByRole('button', { name: 'Unenrol', exact: true }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'That did not work' });
    await alert.waitFor();
    await page.getByRole('heading', { name: 'This device is approved' }).waitFor();
    await alert.getByRole('button', { name: 'Close' }).click();
    await alert.waitFor({ state: 'detached' });
  });

  test('only the failed call complained: the page keeps to its policy', async () => {
    await expect.poll(() => browser.errors).toEqual([expect.stringContaining('400')]);
  });

  test('an app that stops is said, and what was known stays', async () => {
    const { page } = browser;
    await host.close();
    await page.getByRole('alert').filter({ hasText: 'Muster has stopped' }).waitFor();
    await page.getByRole('heading', { name: 'This device is approved' }).waitFor();
  });
});
