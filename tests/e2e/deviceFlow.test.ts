import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../agent/exitCodes.ts';
import { runMuster } from '../../agent/testing.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../../native/testing/tools.ts';
import { shownBy } from '../agent/atTheBrowser.ts';
import { startTestInventory, type TestInventory } from '../hosts/inventory.ts';
import { chromiumPath, type OpenBrowser, openChromium } from '../web/chromium.ts';

const runnable = has('swtpm') && chromiumPath() !== undefined;

describe.skipIf(!runnable)('a code of a device, typed into a real browser (needs swtpm and Chromium)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let inventory: TestInventory;
  let browser: OpenBrowser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-device-'));
    software = await startSoftwareTpm({ folder });
    inventory = await startTestInventory({
      folder,
      issuers: [software.rootCertificate, software.issuerCertificate],
      settings: { selfEnrolment: true },
    });
    browser = await openChromium({ viewport: { width: 700, height: 700 }, locale: 'en-GB' });
  });
  afterAll(async () => {
    await browser?.close();
    await inventory?.close();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // What only a browser holds a page to: its Content-Security-Policy, over the redirects of its forms too.
  const walk = async (shown: { url: string; userCode: string }): Promise<void> => {
    const { page } = browser;
    const press = (name: string) => page.getByRole('button', { name }).click();
    await page.goto(shown.url);
    await page.getByLabel('Code shown by the device').fill(shown.userCode);
    await press('Continue');
    await press('Yes, continue');
    await page.getByLabel('E-mail').fill(inventory.people.person.email);
    await page.getByLabel('Password').fill(inventory.people.person.password);
    await press('Sign in');
    await press('Enrol this device');
    await page.getByRole('heading', { name: 'Done' }).waitFor();
  };

  it('leads to the identity provider and back, and the device enrols', async () => {
    let walked: Promise<void> | undefined;
    const args = ['enroll', '--server', inventory.origin, '--device-flow', '--json', '--tcti', software.tcti];
    const enrolled = await runMuster([...args, '--state', join(folder, 'agent')], (err) => {
      if (err.includes('has to show this code')) walked ??= walk(shownBy(err));
    });
    await walked;
    expect(enrolled.code, enrolled.err).toBe(EXIT.pending);
  });

  it('without the session of its form leads back to the form', async () => {
    for (const cookie of ['', '_session=unknown']) {
      const answer = await fetch(`${inventory.origin}/oidc/device`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...(cookie ? { cookie } : {}) },
        body: 'xsrf=x&user_code=BCDF-GHJK',
      });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/oidc/device']);
    }
  });
});
