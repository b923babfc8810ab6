import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEVICES, NOW } from '../../console/gallery/fixtures.ts';
import type { Device } from '../../contract/index.ts';
import { runAxe } from './axe.ts';
import { chromiumPath, type OpenBrowser, openChromium } from './chromium.ts';
import { type Gallery, serveGallery, stopClock } from './gallery.ts';

type Fake = {
  change(id: string, fields: Partial<Device>): void;
  add(device: Device): void;
  makeDevice(change: Partial<Device>): Device;
};
const VIEWS = ['#/devices', '#/pending', `#/devices/${DEVICES[0]?.id}`, `#/devices/${DEVICES[3]?.id}`];

describe.skipIf(!chromiumPath())('the console (needs Chromium)', () => {
  let gallery: Gallery;
  let browser: OpenBrowser;
  let opened = 0;

  beforeAll(async () => {
    gallery = await serveGallery('console');
    browser = await openChromium({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
    await stopClock(browser.page, NOW);
  });
  afterAll(async () => {
    await browser?.close();
    await gallery?.close();
  });

  async function open(hash: string, query: Record<string, string> = {}): Promise<void> {
    opened += 1;
    await browser.page.goto(`${gallery.url}?${new URLSearchParams({ ...query, opened: String(opened) })}${hash}`);
    await browser.page.locator('h1').waitFor();
  }

  const row = (name: string) =>
    browser.page.getByRole('listitem').filter({ has: browser.page.getByRole('link', { name }) });

  test.each([
    ['light', 'en'],
    ['dark', 'de'],
  ] as const)('axe finds nothing on any view (%s, %s)', async (colorScheme, language) => {
    const { page } = browser;
    await page.emulateMedia({ colorScheme });
    const found: string[] = [];
    for (const hash of VIEWS) {
      await open(hash, { language, demo: '' });
      found.push(...(await runAxe(page)));
    }
    await open('#/pending', { language });
    await page
      .getByRole('button', { name: language === 'de' ? 'Ablehnen …' : 'Refuse…' })
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    found.push(...(await runAxe(page)));
    await open('', { language, who: 'nobody' });
    found.push(...(await runAxe(page)));
    await open('#/pending', { language, empty: '' });
    found.push(...(await runAxe(page)));
    expect(found).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('approving by keyboard takes the device out of the queue and says so', async () => {
    const { page } = browser;
    await open('#/pending');
    await row('carl-thinkpad').getByText('KTW-RBF').waitFor();
    await row('carl-thinkpad').getByRole('button', { name: 'Approve' }).press('Enter');
    await page.getByRole('status').getByText('carl-thinkpad is approved.').waitFor();
    await expect.poll(() => row('carl-thinkpad').count()).toBe(0);
    // The next device has the focus, but none of its buttons: a second Enter decides nothing.
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('mira-xps'));
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('LI');
    await open('#/devices');
    await page.getByRole('link', { name: 'carl-thinkpad' }).waitFor();
  });

  test('refusing needs a reason', async () => {
    const { page } = browser;
    await open('#/pending');
    await row('mira-xps').getByRole('button', { name: 'Refuse…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Refuse mira-xps?' });
    await dialog.waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA');
    await dialog.getByRole('button', { name: 'Refuse' }).click();
    await dialog.getByRole('alert').waitFor();
    await page.keyboard.type('Not one of ours.');
    await dialog.getByRole('button', { name: 'Refuse' }).click();
    await page.getByRole('status').getByText('mira-xps is refused.').waitFor();
    await expect.poll(() => row('mira-xps').count()).toBe(0);
  });

  test('evidence that changed meanwhile is shown, and the question asked again', async () => {
    const { page } = browser;
    await open('#/pending');
    await row('build-vm-07').waitFor();
    // Changed behind the console's back: no event arrives.
    await page.evaluate((id) => {
      const { gallery } = globalThis as unknown as { gallery: Fake & { silence(): () => void } };
      const restore = gallery.silence();
      gallery.change(id, { attestation: 'failed', owner: null });
      restore();
    }, DEVICES[2]?.id ?? '');
    await row('build-vm-07').getByRole('button', { name: 'Approve' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'build-vm-07 changed since you saw it' });
    await dialog.waitFor();
    await expect
      .poll(() => dialog.getByRole('row').allTextContents())
      .toEqual(['BeforeNow', 'Ownertomas@nordlicht.exampleNone', 'AttestationValidFailed']);
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    expect(await runAxe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Approve anyway' }).click();
    await page.getByRole('status').getByText('build-vm-07 is approved.').waitFor();
  });

  test('two people behind each approval: one’s own cannot be approved, alone or among many, and the reason stands there', async () => {
    const { page } = browser;
    const why = 'your team lets nobody approve their own';
    await open('#/pending', { 'four-eyes': '' });
    const own = row('mira-xps');
    await own.waitFor();
    await page.evaluate(
      (id) => {
        const { gallery } = globalThis as unknown as { gallery: Fake };
        gallery.change(id, { requestedBy: 'Ada@nordlicht.example' });
      },
      DEVICES.find((device) => device.name === 'mira-xps')?.id ?? '',
    );
    await own.getByText(why).waitFor();
    const approve = own.getByRole('button', { name: 'Approve' });
    await expect.poll(() => approve.isDisabled()).toBe(true);
    await expect
      .poll(async () => page.locator(`[id="${await approve.getAttribute('aria-describedby')}"]`).textContent())
      .toContain(why);
    await expect.poll(() => own.getByRole('button', { name: 'Refuse…' }).isEnabled()).toBe(true);
    await expect.poll(() => row('carl-thinkpad').getByRole('button', { name: 'Approve' }).isEnabled()).toBe(true);
    await own.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Approve the selected' }).click();
    const nothing = page.getByRole('dialog', { name: 'Approve the selected' });
    await nothing.getByText(`All that you selected is your own, and ${why}`).waitFor();
    await nothing.getByRole('button', { name: 'Close' }).click();
    await row('carl-thinkpad').getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Approve the selected' }).click();
    const question = page.getByRole('dialog', { name: 'Approve 1 device?' });
    await question.getByText('1 is your own and is left out').waitFor();
    expect(await runAxe(page)).toEqual([]);
    await question.getByRole('button', { name: 'Approve 1' }).click();
    await page.getByRole('dialog', { name: 'Result' }).getByText('1 decided').waitFor();
    await page.getByRole('dialog', { name: 'Result' }).getByRole('button', { name: 'Close' }).click();
    await own.waitFor();
  });

  test('many at once: a result for each, and one failure stops nothing', async () => {
    const { page } = browser;
    await open('#/pending');
    await page.getByLabel('Select all that are shown').check();
    await page.getByText('4 selected').waitFor();
    await page.evaluate((id) => {
      const { gallery } = globalThis as unknown as { gallery: Fake & { silence(): () => void } };
      const restore = gallery.silence();
      gallery.change(id, { secureBoot: 'off' });
      restore();
    }, DEVICES[1]?.id ?? '');
    await page.getByRole('button', { name: 'Approve the selected' }).click();
    const question = page.getByRole('dialog', { name: 'Approve 4 devices?' });
    await question.getByText('1 has an open conflict and will not be approved.').waitFor();
    await question.getByRole('button', { name: 'Approve all 4' }).click();
    const dialog = page.getByRole('dialog', { name: 'Result' });
    await dialog.getByText('3 decided, 1 not').waitFor();
    await dialog.getByRole('listitem').filter({ hasText: 'mira-xps' }).getByText('Not decided').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await row('mira-xps').waitFor();
    const waiting = page.getByRole('listitem').filter({ has: page.getByRole('checkbox') });
    await expect.poll(() => waiting.count()).toBe(1);
  });

  test('a device that arrives keeps selection and scroll, and is announced', async () => {
    const { page } = browser;
    await page.setViewportSize({ width: 1280, height: 500 });
    await open('#/pending');
    const select = row('ada-framework').getByRole('checkbox');
    await select.check();
    await select.scrollIntoViewIfNeeded();
    const top = () => select.evaluate((element) => Math.round(element.getBoundingClientRect().top));
    const before = await top();
    await page.evaluate(() => {
      const { gallery } = globalThis as unknown as { gallery: Fake };
      gallery.add(gallery.makeDevice({ name: 'new-arrival' }));
    });
    await page.getByRole('status').getByText('new-arrival waits for approval.').waitFor();
    await row('new-arrival').waitFor();
    await expect.poll(() => select.isChecked()).toBe(true);
    await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThanOrEqual(2);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('a reason that the server gave is read in German, one that a person wrote as it was written', async () => {
    const { page } = browser;
    const id = DEVICES.find((device) => device.name === 'unknown-laptop')?.id ?? '';
    await open(`#/devices/${id}`, { language: 'de' });
    await page.getByText('Not on our purchase list.').waitFor();
    await page.evaluate((one) => {
      const { gallery } = globalThis as unknown as { gallery: Fake };
      gallery.change(one, { approvalReason: 'It was approved without an owner, and ada@example.com enrolled it.' });
    }, id);
    await page.getByText('als es niemandem gehörte, und ada@example.com hat es registriert.').waitFor();
  });

  test('filters and search ask the server; more is loaded at the end', async () => {
    const { page } = browser;
    await open('#/devices');
    const names = () => page.getByRole('rowheader').getByRole('link').allTextContents();
    await page.getByText('8 devices shown').waitFor();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('9 devices shown').waitFor();
    await page.getByLabel('Approval').selectOption('refused');
    await page.getByText('1 device shown').waitFor();
    await expect.poll(names).toEqual(['unknown-laptop']);
    await page.getByLabel('Approval').selectOption('');
    await page.getByLabel('Search').fill('piet@');
    await page.getByText('1 device shown').waitFor();
    await expect.poll(names).toEqual(['old-tower']);
    await page.getByLabel('Search').fill('nobody has this');
    await page.getByText('No device matches.').waitFor();
  });

  test('an auditor sees everything and decides nothing', async () => {
    const { page } = browser;
    await open('#/pending', { who: 'auditor' });
    await row('carl-thinkpad').waitFor();
    await expect.poll(() => page.getByRole('button', { name: /Approve|Refuse/ }).count()).toBe(0);
    await expect.poll(() => page.getByRole('checkbox').count()).toBe(0);
  });

  test('who is not signed in is led to the sign-in, and sees nothing else', async () => {
    const { page } = browser;
    await open('#/devices', { who: 'nobody' });
    await expect.poll(() => page.getByRole('link', { name: 'Sign in' }).getAttribute('href')).toBe('/console/sign-in');
    await expect.poll(() => page.getByRole('navigation').count()).toBe(0);
  });

  test('the device page shows the four facts, reasons and identifiers, and follows the events', async () => {
    const { page } = browser;
    const device = DEVICES[0] as Device;
    await open(`#/devices/${device.id}`);
    const facts = page.getByRole('region', { name: 'Facts' });
    for (const fact of ['Approval', 'Ownership', 'Attestation', 'Lifecycle'])
      await facts.getByText(fact, { exact: true }).waitFor();
    await page.getByText(device.permanentIdentifier).waitFor();
    await page.evaluate(
      (id) => (globalThis as unknown as { gallery: Fake }).gallery.change(id, { lifecycle: 'quarantined' }),
      device.id,
    );
    await facts.getByText('Quarantined').waitFor();
  });

  test.each([
    ['a narrow window', 360, '100%'],
    ['twice the text size', 1280, '200%'],
  ])('%s: only tables scroll sideways', async (_name, width, fontSize) => {
    const { page } = browser;
    await page.setViewportSize({ width, height: 800 });
    for (const hash of VIEWS) {
      await open(hash);
      await page.evaluate((size) => document.documentElement.style.setProperty('font-size', size), fontSize);
      const [scroll, client] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      expect(scroll, hash).toBeLessThanOrEqual(client ?? 0);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('nothing breaks the Content-Security-Policy, and nothing else complains', () => {
    expect(browser.errors).toEqual([]);
  });
});
