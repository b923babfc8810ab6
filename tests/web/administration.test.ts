import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWeb } from '../../build/web.ts';
import { createMaker } from '../../server/testing/softDevice.ts';
import { startTestInventory, type TestInventory } from '../hosts/inventory.ts';
import { runAxe } from './axe.ts';
import { chromiumPath, type OpenBrowser, openChromium } from './chromium.ts';
import { root } from './gallery.ts';

const VIEWS = [
  'devices',
  'pending',
  'conflicts',
  'invites',
  'people',
  'mdm',
  'makers',
  'authorities',
  'provisioning',
  'tokens',
  'settings',
  'audit',
];
const urn = (letter: string): string => `urn:ek:sha256:${letter.repeat(42)}A=`;

describe.skipIf(!chromiumPath())('the console against the real inventory (needs Chromium)', () => {
  let folder: string;
  let inventory: TestInventory;
  let browser: OpenBrowser;
  let page: Page;

  beforeAll(async () => {
    const { consoleFolder } = await buildWeb(root);
    folder = await mkdtemp(join(tmpdir(), 'muster-console-'));
    inventory = await startTestInventory({ folder, consoleFolder });
    for (const [letter, name, serial] of [
      ['A', 'imported-one', 'SERIAL-1'],
      ['B', 'imported-two', 'SERIAL-2'],
      ['C', 'imported-three', 'SERIAL-1'],
      ['D', 'imported-four', 'SERIAL-4'],
    ] as const) {
      const device = {
        permanentIdentifier: urn(letter),
        displayName: name,
        serial,
        user: { email: `${name}@example.com` },
      };
      const answer = await inventory.api('POST', '/api/devices', device, { 'x-smallstep-api-version': '2025-01-01' });
      expect(answer).toMatchObject({ status: 201 });
    }
    browser = await openChromium({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
    page = browser.page;
    await page.goto(`${inventory.origin}/console/`);
    await page.getByRole('link', { name: 'Sign in' }).click();
    const { administrator } = inventory.people;
    await page.getByLabel('E-mail').fill(administrator.email);
    await page.getByLabel('Password').fill(administrator.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Recent Devices' }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await inventory?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const go = async (view: string): Promise<void> => {
    await page.goto(`${inventory.origin}/console/#/${view}`);
    // Only the part behind # changes: until the console follows it, the view before still stands there.
    await page.locator(`.nav a[href="#/${view}"][aria-current="page"]`).waitFor({ state: 'attached' });
    await page.locator('main h1').waitFor();
    // A view may load several parts at once.
    await page.waitForFunction(() => document.querySelector('.loading') === null);
  };
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const said = (text: string) => page.getByRole('status').getByText(text).waitFor();
  const openDevice = async (name: string): Promise<void> => {
    await go('devices');
    await page.getByRole('link', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  };

  test.each([
    ['light', 'en'],
    ['dark', 'de'],
  ] as const)('axe finds nothing on any view (%s, %s)', async (colorScheme, language) => {
    await page.emulateMedia({ colorScheme });
    await page.locator('.sidebar select').selectOption(language);
    const found: string[] = [];
    try {
      for (const view of VIEWS) {
        await go(view);
        found.push(...(await runAxe(page)));
      }
    } finally {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.locator('.sidebar select').selectOption('en');
    }
    expect(found).toEqual([]);
  });

  test.each([
    ['a narrow window', 360, '100%'],
    ['twice the text size', 1280, '200%'],
  ])('%s: only tables scroll sideways', async (_name, width, fontSize) => {
    await page.setViewportSize({ width, height: 800 });
    const wide: string[] = [];
    for (const view of VIEWS) {
      await go(view);
      await page.evaluate((size) => document.documentElement.style.setProperty('font-size', size), fontSize);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (over > 0) wide.push(`${view}: ${over} px`);
    }
    await page.evaluate(() => document.documentElement.style.removeProperty('font-size'));
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(wide).toEqual([]);
  });

  test('an invite is made, shown once, and revoked', async () => {
    await go('invites');
    await page.getByLabel('E-mail address').fill('nobody');
    await button('Invite').click();
    await page.getByRole('alert').getByText('“nobody” is not a complete e-mail address.').waitFor();
    await page.getByLabel('E-mail address').fill('new.person@example.com');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Invite for new.person@example.com' });
    await expect
      .poll(() => dialog.getByLabel('Link').inputValue())
      .toContain(`${inventory.origin}/invite#muster_invite_`);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('row', { name: /new\.person@example\.com Sent/ }).waitFor();
    await page.getByRole('button', { name: 'Revoke new.person@example.com' }).click();
    await page.getByRole('row', { name: /new\.person@example\.com Revoked/ }).waitFor();
  });

  test('an API token works as far as its scopes go, until it is revoked', async () => {
    await go('tokens');
    await button('New API token').click();
    await button('Make the token').click();
    await expect
      .poll(() => page.getByRole('alert').allTextContents())
      .toEqual(['Give it a name.', 'Choose at least one thing that it may do.']);
    await page.getByLabel('Name').fill('reader');
    await page.getByLabel('devices:read').check();
    await button('Make the token').click();
    await expect.poll(() => page.getByLabel('Secret').inputValue()).toMatch(/^muster_api_/);
    const secret = await page.getByLabel('Secret').inputValue();
    await button('Close').click();
    const ask = async (path: string) =>
      (await fetch(`${inventory.origin}${path}`, { headers: { authorization: `Bearer ${secret}` } })).status;
    expect(await ask('/api/v1/devices')).toBe(200);
    expect(await ask('/api/v1/settings')).toBe(403);
    await page.getByRole('button', { name: 'Revoke reader' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('row', { name: /reader Revoked/ }).waitFor();
    expect(await ask('/api/v1/devices')).toBe(401);
  });

  test('a provisioning token carries its limits', async () => {
    await go('provisioning');
    await button('New provisioning token').click();
    await page.getByLabel('Name').fill('rollout');
    await page.getByLabel('How often it may be used').fill('25');
    await page.getByLabel('Only for these permanent identifiers').fill(`${urn('A')}\n${urn('B')}\n`);
    await button('Make the token').click();
    await expect.poll(() => page.getByLabel('Secret').inputValue()).toMatch(/^muster_provision_/);
    await button('Close').click();
    await page.getByRole('row', { name: /rollout Active 0 of 25 2 devices/ }).waitFor();
  });

  test('Team Settings change what was changed, and nothing else', async () => {
    await go('settings');
    const before = (await inventory.api('GET', '/api/v1/settings')).body as { settings: Record<string, unknown> };
    await page.getByLabel('People enrol devices themselves').click();
    await page.getByLabel('E-mail domains that may sign in').fill('example.com\n');
    await page.keyboard.type('example.org');
    await page.getByLabel('End-User: Approved at once').check();
    await button('Discard').click();
    await expect.poll(() => page.getByLabel('E-mail domains that may sign in').inputValue()).toBe('');
    await page.getByLabel('Devices one person may have').fill('3');
    await page.getByLabel('Jamf: Allowed').uncheck();
    await button('Review and save…').click();
    await page.getByText('A person may have 3 devices.').waitFor();
    await page.getByText('Jamf: nothing new comes in this way.').waitFor();
    await button('Save the changes').click();
    await said('The Team Settings are saved.');
    const { settings } = (await inventory.api('GET', '/api/v1/settings')).body as { settings: Record<string, unknown> };
    const expected = structuredClone(before.settings) as {
      deviceLimit: number | null;
      sources: Record<string, { allowed: boolean }>;
    };
    expected.deviceLimit = 3;
    if (expected.sources.Jamf) expected.sources.Jamf.allowed = false;
    expect(settings).toEqual(expected);
  });

  test('a maker of TPMs is added by its file, compared by its fingerprint, and trusted no longer', async () => {
    const { der } = createMaker('Acme Root');
    const fingerprint = createHash('sha256').update(der).digest('hex');
    await go('makers');
    await button('Add a certificate').click();
    const dialog = page.getByRole('dialog', { name: 'Add a certificate of a TPM maker' });
    const add = dialog.getByRole('button', { name: 'Add a certificate' });
    await add.click();
    await expect
      .poll(() => dialog.getByRole('alert').allTextContents())
      .toEqual(['Choose the file of the certificate.', 'Name the maker.']);
    const file = dialog.getByLabel('Certificate, PEM or DER');
    await file.setInputFiles({ name: 'notes.pem', mimeType: 'text/plain', buffer: Buffer.from('Hello') });
    await dialog.getByText('No certificate was found in this file.').waitFor();
    await file.setInputFiles({ name: 'acme.crt', mimeType: 'application/octet-stream', buffer: Buffer.from(der) });
    await dialog.getByText(fingerprint).waitFor();
    await dialog.getByLabel('Name of the maker').fill('Acme');
    await dialog.getByLabel('Chips count as').selectOption('firmware');
    expect(await runAxe(page)).toEqual([]);
    await add.click();
    const row = page.getByRole('row', { name: /Acme Root/ });
    await row.getByText('Firmware security chip').waitFor();
    await row.getByText(fingerprint).waitFor();
    await row.getByRole('button', { name: /^Stop trusting Acme/ }).click();
    const question = page.getByRole('alertdialog', { name: 'Stop trusting this certificate of Acme?' });
    await question.getByText('loses high assurance').waitFor();
    await question.getByRole('button', { name: 'Stop trusting' }).click();
    await said('Acme is no longer trusted; 0 devices were judged again.');
    await row.getByText('No longer trusted').waitFor();
    await row.getByRole('button', { name: /^Trust again/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Trust again' }).click();
    await row.getByText('Trusted', { exact: true }).waitFor();
  });

  test('a webhook of step-ca is entered, changed without its secret, and removed', async () => {
    await go('authorities');
    await page.getByText('No certificate authority asks this inventory.').waitFor();
    await button('Enter a webhook').click();
    const dialog = page.getByRole('dialog', { name: 'Enter a webhook of step-ca' });
    await dialog.getByLabel('Name').fill('step-ca, signing');
    await dialog.getByLabel('Webhook id').fill('not an id');
    await dialog.getByLabel('Secret').fill('not a secret');
    await dialog.getByRole('button', { name: 'Enter' }).click();
    await expect.poll(() => dialog.getByRole('alert').count()).toBe(2);
    expect(await runAxe(page)).toEqual([]);
    const id = 'ac8c6de8-1b96-463d-9a53-1321be9d1dfd';
    await dialog.getByLabel('Webhook id').fill(id);
    await dialog.getByLabel('Secret').fill(` ${randomBytes(64).toString('base64')}\n`);
    await dialog.getByRole('button', { name: 'Enter' }).click();
    await said('step-ca, signing is entered.');
    const row = page.getByRole('row').filter({ hasText: id });
    await row.getByText('High', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Change…' }).click();
    const change = page.getByRole('dialog', { name: 'Change step-ca, signing' });
    await change.getByLabel('Assurance asked for').selectOption('normal');
    await change.getByRole('button', { name: 'Save the changes' }).click();
    await row.getByText('Normal', { exact: true }).waitFor();
    await expect
      .poll(async () => (await inventory.api('GET', '/api/v1/ca-webhooks')).body)
      .toMatchObject({ webhooks: [{ id, name: 'step-ca, signing', level: 'normal' }] });
    await row.getByRole('button', { name: 'Remove…' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await said('step-ca, signing is removed.');
    await page.getByText('No certificate authority asks this inventory.').waitFor();
  });

  test('a person gets a role', async () => {
    await go('people');
    await page.getByLabel('Role of imported-one@example.com').selectOption('auditor');
    await said('imported-one@example.com is changed.');
    await expect.poll(() => page.getByLabel('Role of imported-one@example.com').inputValue()).toBe('auditor');
  });

  test('quarantine and back, another owner, removal, and forgetting', async () => {
    await openDevice('imported-two');
    await button('Quarantine').click();
    await said('imported-two: Quarantined.');
    await page.getByRole('region', { name: 'History' }).getByText('Device quarantined').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await button('End the quarantine').click();
    await said('imported-two: Active.');
    await button('Change the owner…').click();
    await page.getByLabel('E-mail address of the owner').fill('heir@example.com');
    await button('Save the changes').click();
    await page.getByRole('region', { name: 'Facts' }).getByText('heir@example.com').first().waitFor();
    await button('Remove…').click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await said('imported-two: Deleted.');
    await button('Forget…').click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Forget' }).click();
    await page.getByRole('heading', { name: 'Recent Devices' }).waitFor();
    await page.getByRole('link', { name: 'imported-two' }).waitFor({ state: 'detached' });
  });

  test('two records with one serial number are a conflict, which joining them resolves', async () => {
    await go('conflicts');
    const conflict = page.getByRole('listitem').filter({ hasText: 'Another device names the same serial number' });
    await conflict.getByRole('link', { name: 'imported-one' }).waitFor();
    await conflict.getByRole('button', { name: 'Join both records' }).click();
    await page.getByLabel('Reason, for the audit record (optional)').fill('One laptop, imported twice.');
    await page.getByRole('dialog').getByRole('button', { name: 'Join both records' }).click();
    await said('The conflict is resolved.');
    await page.getByText('There is no conflict.').waitFor();
    await page.getByLabel('Show').selectOption('resolved');
    await conflict.getByText('Resolved by').waitFor();
  });

  test('a change that somebody else made meanwhile comes onto the screen instead of being overwritten', async () => {
    await openDevice('imported-four');
    const id = page.url().split('/').at(-1) ?? '';
    // The event stream is cut, so that the console cannot have heard of it.
    await page.route('**/api/v1/events', (route) => route.abort());
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'imported-four' }).waitFor();
    const shown = await inventory.api('GET', `/api/v1/devices/${id}`);
    const { version } = shown.body as { version: number };
    await inventory.api(
      'PUT',
      `/api/v1/devices/${id}/lifecycle`,
      { lifecycle: 'quarantined' },
      { 'if-match': `"${version}"` },
    );
    await button('Refuse…').click();
    await page.getByRole('dialog').getByRole('textbox').fill('Sold.');
    await page.getByRole('dialog').getByRole('button', { name: 'Refuse' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'imported-four changed since you saw it' });
    await dialog.getByRole('row', { name: 'Lifecycle Active Quarantined' }).waitFor();
    await dialog.getByRole('button', { name: 'Refuse anyway' }).click();
    await said('imported-four is refused.');
    await page.unroute('**/api/v1/events');
  });

  test('signing out ends the session', async () => {
    await go('devices');
    await button('Sign out').click();
    await page.getByRole('link', { name: 'Sign in' }).waitFor();
    await expect.poll(async () => page.evaluate(async () => (await fetch('/api/v1/session')).status)).toBe(401);
  });
});
