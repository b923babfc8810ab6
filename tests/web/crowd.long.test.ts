import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWeb } from '../../build/web.ts';
import { type Device, type DevicePage, Evidence, TeamSettings } from '../../contract/index.ts';
import { runAxe } from './axe.ts';
import { chromiumPath, type OpenBrowser, openChromium } from './chromium.ts';
import { addIncidents, type Crowd, startCrowd } from './crowd.ts';
import { root } from './gallery.ts';

/** More than the console asks for at once, so that "all that match" takes more than one page. */
const DEVICES = 210;

describe.skipIf(!chromiumPath())('the console with a crowd of devices (needs Chromium)', () => {
  let crowd: Crowd;
  let browser: OpenBrowser;
  let page: Page;

  beforeAll(async () => {
    const { consoleFolder } = await buildWeb(root);
    crowd = await startCrowd({ devices: DEVICES, consoleFolder });
    await addIncidents(crowd);
    // Enrolled anew, and then the key from before speaks again: somebody still has it.
    const { world } = crowd;
    const cloned = world.newDevice('mira-xps-cloned');
    await world.enroll(cloned, 'mira@example.com');
    const before = cloned.signer();
    cloned.reinstall();
    await world.enroll(cloned, 'mira@example.com');
    await world.asDevice(before, 'GET', '/api/v1/self');
    browser = await openChromium({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
    await crowd.signIn(browser.context);
    page = browser.page;
  });
  afterAll(async () => {
    await browser?.close();
    await crowd?.close();
  });

  const go = async (view: string): Promise<void> => {
    // A document of its own: nothing of the view before is left.
    await page.goto('about:blank');
    await page.goto(`${crowd.world.origin}/console/#/${view}`);
    await page.locator('main h1').waitFor();
    await page.waitForFunction(() => document.querySelector('.loading') === null);
  };
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await crowd.world.api(crowd.token, 'GET', path);
    expect(answer.status).toBe(200);
    return answer.body as T;
  };
  const find = async (search: string): Promise<Device> => {
    const { devices } = await ask<DevicePage>(`/api/v1/devices?${new URLSearchParams({ search, limit: '1' })}`);
    const [device] = devices;
    if (!device) throw new Error(`no device: ${search}`);
    return device;
  };
  const inDialog = (name: string | RegExp) => page.getByRole('dialog', { name });
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });

  test('all that match a search are approved, a conflict among them is left and named', async () => {
    await go('pending');
    await page.getByLabel('Search').fill('mira-xps');
    await page.getByText('23 devices shown').waitFor();
    await page.getByLabel('Select all that are shown').check();
    await button('Approve the selected').click();
    const question = inDialog('Approve 23 devices?');
    await question.getByText('2 came by a person’s enrolment: compare their codes first.').waitFor();
    await question.getByText('1 has an open conflict and will not be approved.').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await question.getByRole('button', { name: 'Approve all 23' }).click();
    const result = inDialog('Result');
    await result.getByText('22 decided, 1 not').waitFor();
    const first = result.getByRole('listitem').first();
    await first.getByRole('link', { name: 'mira-xps-cloned' }).waitFor();
    await first.getByText('Not decided').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await result.getByRole('button', { name: 'Close' }).click();
    await page.getByText('1 device shown').waitFor();
    expect((await find('mira-xps-011')).approval).toBe('approved');
  });

  test('an answer that never comes loses nothing: what it did is found, the rest is tried again', async () => {
    await go('pending');
    await page.getByText('50 devices shown').waitFor();
    await page.getByLabel('Search').fill('latitude');
    await page.getByText('42 devices shown').waitFor();
    await page.getByLabel('Select all that are shown').check();
    let calls = 0;
    await page.route('**/api/v1/decisions', async (route) => {
      calls += 1;
      // The first is carried out, but its answer is lost; the second never reaches the server.
      if (calls === 1) await route.fetch().then(() => route.abort());
      else if (calls === 2) await route.abort();
      else await route.continue();
    });
    await button('Approve the selected').click();
    await button('Approve all 42').click();
    const result = inDialog('Result');
    await result.getByText('2 decided, 40 not').waitFor();
    await result.getByRole('button', { name: 'Try 40 again' }).click();
    await result.getByText('42 decided, 0 not').waitFor();
    await page.unroute('**/api/v1/decisions');
    await result.getByRole('button', { name: 'Close' }).click();
    await page.getByText('No device matches.').waitFor();
    const left = await ask<DevicePage>('/api/v1/devices?approval=pending&search=latitude');
    expect(left.devices).toEqual([]);
  });

  test('more than one page is selected; the filters stay in the address, and another filter forgets the choice', async () => {
    await go('devices?source=Smallstep+API');
    await page.getByText('50 devices shown').waitFor();
    await expect.poll(() => page.getByLabel('Source').inputValue()).toBe('Smallstep API');
    await button('Select all that match, shown or not').click();
    // The two of the incidents came by the API too.
    await page.getByText(`${DEVICES + 2} selected, ${DEVICES + 2 - 50} of them not shown`).waitFor();
    await button('Approve the selected').click();
    await inDialog(`Approve ${DEVICES + 2} devices?`)
      .getByRole('button', { name: 'Cancel' })
      .click();
    await page.getByLabel('Search').fill('thinkpad');
    await page.getByText('42 devices shown').waitFor();
    await button('Approve the selected').waitFor({ state: 'detached' });
  });

  test('tags are added and taken away in bulk, and the others stay', async () => {
    await go('devices?source=Smallstep+API&search=thinkpad');
    await page.getByText('42 devices shown').waitFor();
    await page.getByLabel('Select all that are shown').check();
    await button('Tags…').click();
    await button('Save the changes').click();
    await page.getByRole('alert').getByText('Name at least one tag').waitFor();
    await page.getByLabel('Tags to add').fill('berlin, audit-2026');
    await page.getByLabel('Tags to take away').fill('loaner');
    await button('Save the changes').click();
    await inDialog('Result').getByText('42 decided, 0 not').waitFor();
    await expect.poll(() => page.getByRole('progressbar', { name: 'Progress' }).getAttribute('value')).toBe('42');
    await button('Close').click();
    const { id } = await find('lena-thinkpad-000');
    const values = await ask<{ explicit: { tags: string[] } }>(`/api/v1/devices/${id}/values`);
    expect(values.explicit.tags).toEqual(['berlin', 'audit-2026']);
  });

  test('a stopped run says what was not tried, and goes on where it stopped', async () => {
    await go('devices?search=elitebook');
    await page.getByText('42 devices shown').waitFor();
    await page.getByLabel('Select all that are shown').check();
    const held = Promise.withResolvers<void>();
    await page.route('**/api/v1/devices/*/lifecycle', async (route) => {
      await held.promise;
      await route.continue();
    });
    await button('Quarantine').click();
    await button('Stop').click();
    held.resolve();
    const result = inDialog('Result');
    await result.getByText('4 decided, 0 not; 38 not tried').waitFor();
    await page.unroute('**/api/v1/devices/*/lifecycle');
    await result.getByRole('button', { name: 'Try 38 again' }).click();
    await result.getByText('42 decided, 0 not').waitFor();
    await result.getByRole('button', { name: 'Close' }).click();
  });

  test('the evidence of a device: verdict, certificates, registers, download, and today’s rules over it', async () => {
    const device = await find('ada-framework');
    await go(`devices/${device.id}`);
    const panel = page.getByRole('region', { name: 'Attestations' });
    await panel.getByText('The attestation key certified the device key').waitFor();
    await panel.getByRole('button', { name: /^Show certificates/ }).click();
    await panel.getByRole('row', { name: /^Endorsement key TPM id:/ }).waitFor();
    await panel.getByRole('row', { name: /^Attestation key CN=Muster Attestation Issuing/ }).waitFor();
    await panel.getByText('8 quoted registers (sha256)').click();
    await panel.getByText('PCR 7').waitFor();
    await panel.getByRole('button', { name: /^Judge again/ }).click();
    await panel.getByText('Today’s rules say the same.').waitFor();
    expect(await runAxe(page)).toEqual([]);
    const saving = page.waitForEvent('download');
    await panel.getByRole('button', { name: /^Download as JSON/ }).click();
    const saved: unknown = JSON.parse(await readFile(await (await saving).path(), 'utf8'));
    expect(Evidence.parse(saved)).toMatchObject({ deviceId: device.id, outcome: 'valid' });
    const chain = page.waitForEvent('download');
    await panel.getByRole('button', { name: /^Certificates as PEM/ }).click();
    expect(await readFile(await (await chain).path(), 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });

  test('name and tags: what is set hides what the machine says, and empty shows it again', async () => {
    const device = await find('ada-framework');
    await go(`devices/${device.id}`);
    await button('Name and tags…').click();
    await page.getByText(`Otherwise: the device: ${device.name}`).waitFor();
    await page.getByLabel('Display name').fill('Ada’s own');
    await page.getByLabel('Tags', { exact: true }).fill('first\nsecond');
    await button('Save the changes').click();
    await page.getByRole('heading', { level: 1, name: 'Ada’s own' }).waitFor();
    await page.getByRole('region', { name: 'History' }).getByText('Device changed').waitFor();
    await go('devices');
    await page.getByRole('link', { name: 'Only devices with the tag second' }).click();
    const chip = page.getByRole('button', { name: 'Tag: second. Show those without it too' });
    await chip.waitFor();
    await page.getByText('1 device shown').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await chip.click();
    await chip.waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length > 1);
    await go(`devices/${device.id}`);
    await page
      .getByRole('region', { name: 'Facts' })
      .getByRole('link', { name: 'Only devices with the tag first' })
      .waitFor();
    await button('Name and tags…').click();
    await expect.poll(() => page.getByLabel('Tags', { exact: true }).inputValue()).toBe('first\nsecond');
    await page.getByLabel('Display name').fill('');
    await button('Save the changes').click();
    await page.getByRole('heading', { level: 1, name: device.name }).waitFor();
  });

  test('the audit narrows down by who, what and time, and leads to the device', async () => {
    await go('audit');
    await page.getByLabel('What', { exact: true }).selectOption('device.*');
    await page.getByLabel('Outcome').selectOption('refused');
    await page.getByText('mallory@example.com').first().waitFor();
    const table = page.getByRole('region', { name: 'Audit' });
    await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length < 10);
    await table.getByRole('link', { name: 'carl-thinkpad', exact: true }).first().waitFor();
    await table.getByRole('link', { name: 'Only what was done with carl-thinkpad' }).first().click();
    await page.getByText('Only what was done with carl-thinkpad.').waitFor();
    await button('Clear the filters').click();
    await page.getByLabel('By whom').fill('ADA@example.com');
    await page.getByLabel('What', { exact: true }).selectOption('device.*');
    const row = table.getByRole('row').filter({ hasText: 'Device changed' }).first();
    await row.getByText('explicit.displayName', { exact: false }).first().click();
    await row
      .getByRole('table')
      .getByRole('row', { name: /explicit\.displayName/ })
      .waitFor();
    expect(await runAxe(page)).toEqual([]);
    await page.getByLabel('Until').fill('2020-01-01T00:00');
    await page.getByText('No record matches.').waitFor();
    // The address alone brings the same back.
    await page.reload();
    await page.getByText('No record matches.').waitFor();
    await expect.poll(() => page.getByLabel('By whom').inputValue()).toBe('ADA@example.com');
  });

  test('a rule and a policy are told in plain words before they are saved, and approve nothing that waits', async () => {
    await go('settings');
    const waiting = (await ask<DevicePage>('/api/v1/devices?approval=pending&limit=200')).devices.length;
    await button('New rule').click();
    await page.getByLabel('Name of the rule').fill('Company Linux');
    await button('Take the rule over').click();
    await page.getByRole('alert').getByText('Name at least one condition').waitFor();
    await page.getByLabel('Linux').check();
    await page.getByLabel('Hardware security chip').nth(0).check();
    expect(await runAxe(page)).toEqual([]);
    await button('Take the rule over').click();
    await page.getByText('Approves on arrival when').waitFor();
    await page.getByLabel('Smallstep API: Approved at once').check();
    await page.getByLabel('Nobody approves their own device').check();
    await page.getByLabel('Virtual TPM').first().check();
    await button('Review and save…').click();
    const review = inDialog('What this changes');
    await review.getByText('Smallstep API: new devices are approved at once, without anybody looking.').waitFor();
    await review.getByText('The rule “Company Linux” approves new devices when').waitFor();
    await review.getByText('Virtual TPM: such devices count as high assurance at once').waitFor();
    await review.getByText(`${waiting} devices wait for a decision now. Saving approves none of them`).waitFor();
    expect(await runAxe(page)).toEqual([]);
    await review.getByRole('button', { name: 'Save the changes' }).click();
    await page.getByText('They still wait for your decision.').waitFor();
    const { settings } = await ask<{ settings: unknown }>('/api/v1/settings');
    const saved = TeamSettings.parse(settings);
    expect(saved.approvalRules).toEqual([{ name: 'Company Linux', when: { os: ['Linux'], ekClasses: ['hardware'] } }]);
    expect(saved).toMatchObject({
      selfApprovalForbidden: true,
      acceptedClasses: ['hardware', 'firmware', 'virtual'],
      sources: { 'Smallstep API': { autoApproved: true } },
    });
    expect((await ask<DevicePage>('/api/v1/devices?approval=pending&limit=200')).devices).toHaveLength(waiting);
    const device = await find('ada-framework');
    await go(`devices/${device.id}`);
    const approve = button('Approve');
    await expect.poll(() => approve.isDisabled()).toBe(true);
    const why = await approve.getAttribute('aria-describedby');
    await expect
      .poll(() => page.locator(`[id="${why}"]`).textContent())
      .toContain('your team lets nobody approve their own');
    await go('pending?search=ada-framework');
    await page.getByText('your team lets nobody approve their own').waitFor();
    await expect.poll(() => button('Approve').isDisabled()).toBe(true);
    expect(await runAxe(page)).toEqual([]);
    expect((await find('ada-framework')).approval).toBe('pending');
  });

  test('both claims of a conflict stand side by side, with what each way out will do', async () => {
    await go('conflicts');
    const card = page.getByRole('listitem').filter({ hasText: 'Another person tries to enrol this device' });
    await card.getByText('mallory@example.com').waitFor();
    await card.getByText('carl@example.com').first().waitFor();
    // What the claimant's machine proved stands in the rows of the record.
    await expect.poll(() => card.getByText('Hardware security chip').count()).toBe(2);
    await card.getByText('The claimant becomes the owner. All keys are revoked').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await card.getByRole('button', { name: 'Refuse the claim: carl-thinkpad' }).click();
    await inDialog('Refuse the claim').getByRole('button', { name: 'Refuse the claim' }).click();
    await card.waitFor({ state: 'detached' });
  });

  test('an MDM is synced at once; one that fails says why', async () => {
    await go('mdm');
    await button('Sync Jamf Pro now').click();
    await page.getByText('Jamf Pro is synced.').waitFor();
    await button('Sync Intune now').click();
    await page.getByRole('row', { name: /Intune .*Last sync failed .*cannot be opened/ }).waitFor();
    expect(await runAxe(page)).toEqual([]);
  });

  test('a person is found, and what leaving does with the devices is shown first', async () => {
    await go('people');
    await page.getByLabel('Search').fill('LENA1@');
    const row = page.getByRole('row', { name: /lena1@example\.com/ });
    await row.waitFor();
    await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 1);
    await row.getByRole('button', { name: 'lena1@example.com has left' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Has lena1@example.com left?' });
    await dialog.getByText('lena-thinkpad-010').waitFor();
    await dialog.getByText('Team Settings leave the 1 device as it is').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await row.getByRole('link', { name: '1 device of lena1@example.com' }).click();
    await page.getByText('Only devices of lena1@example.com.').waitFor();
    await page.getByText('1 device shown').waitFor();
    await page.goBack();
    await expect.poll(() => page.getByLabel('Search').inputValue()).toBe('LENA1@');
  });

  test('many are invited at once, and a wrong address is named before any is', async () => {
    await go('invites');
    await page.getByLabel('E-mail address').fill('one@example.com, wrong, two@example.com');
    await button('Invite').click();
    await page.getByRole('alert').getByText('“wrong” is not a complete e-mail address.').waitFor();
    await page.getByLabel('E-mail address').fill('one@example.com; two@example.com\nthree@example.com');
    await page.keyboard.press('Enter');
    const dialog = inDialog('Inviting 3 people');
    await dialog.getByText('3 links were made.').waitFor();
    await dialog.getByRole('button', { name: 'Copy 3 links' }).waitFor();
    expect(await runAxe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('row', { name: /three@example\.com Sent/ }).waitFor();
  });

  test('nothing breaks the Content-Security-Policy, and nothing else complains', () => {
    // What was cut off on purpose is told by the browser; so are the refusals that were asked for.
    const expected = /Failed to load resource/;
    expect(browser.errors.filter((error) => !expected.test(error))).toEqual([]);
  });
});
