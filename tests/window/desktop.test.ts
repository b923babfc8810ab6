import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../app/testing/ports.ts';
import { CONTENT_SECURITY_POLICY } from '../../main/csp.ts';
import { has } from '../../native/testing/tools.ts';
import { chromiumPath } from '../web/chromium.ts';
import { type StandIn, startStandIn } from './launchers.ts';
import { startWorld, type World } from './world.ts';

const missing = !has('swtpm') ? 'needs swtpm' : chromiumPath() === undefined ? 'needs Chromium' : undefined;

/** What only the shell does, on the stand-in: the production main and preload bundles, unchanged. */
describe.skipIf(missing)(
  `the desktop shell on chromium-electron${missing ? ` (${missing})` : ''}`,
  { timeout: 300_000 },
  () => {
    let world: World;
    let app: StandIn;
    let page: Page;
    let folder: string;
    const heading = (name: string) => page.getByRole('heading', { name, level: 1 });

    /** The app's log, once it holds `text`. */
    async function logged(text: string): Promise<string> {
      const read = () => readFile(join(folder, 'logs/muster.log'), 'utf8');
      await expect.poll(read, { timeout: 60_000 }).toContain(text);
      return read();
    }

    beforeAll(async () => {
      world = await startWorld();
      folder = join(world.folder, 'desktop');
      app = await startStandIn({ serverUrl: world.origin, tcti: world.tcti, folder });
      page = app.page;
      page.setDefaultTimeout(60_000);
      await heading('Enrol this device').waitFor();
    }, 300_000);
    afterAll(async () => {
      await app?.close();
      await world?.close();
    });

    it('sandboxes every renderer and registers its scheme before anything is shown', async () => {
      const { sandboxed, schemes, windows } = await app.record();
      expect(sandboxed).toBe(true);
      expect(schemes).toEqual([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
      expect(windows[0]?.webPreferences).toMatchObject({
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
      });
    });

    it('gives the page two functions and nothing else', async () => {
      const seen = await page.evaluate(() => ({
        bridge: Object.entries((window as unknown as { musterBridge: object }).musterBridge).map(([name, value]) => [
          name,
          typeof value,
        ]),
        frozen: Object.isFrozen((window as unknown as { musterBridge: object }).musterBridge),
        names: [
          'require',
          'process',
          'module',
          'electron',
          'ipcRenderer',
          '__standinToHost',
          '__standinFromHost',
        ].filter((name) => name in window),
      }));
      expect(seen).toEqual({
        bridge: [
          ['invoke', 'function'],
          ['subscribe', 'function'],
        ],
        frozen: true,
        names: [],
      });
    });

    it('refuses calls that are not in the contract, with an error and without a stack', async () => {
      const answer = await page.evaluate(async () => {
        const bridge = (
          window as unknown as { musterBridge: { invoke(method: string, params: unknown): Promise<unknown> } }
        ).musterBridge;
        return bridge.invoke('constructor', {}).catch((error: unknown) => error);
      });
      expect(answer).toMatchObject({ error: { code: 'invalid-request' } });
      expect(JSON.stringify(answer)).not.toMatch(/\.js|\.ts/);
    });

    it('sends the policy as a header, and Chromium keeps it', async () => {
      const response = await page.reload();
      expect(response?.headers()['content-security-policy']).toBe(CONTENT_SECURITY_POLICY);
      await heading('Enrol this device').waitFor();
      const broken = await page.evaluate(async () => {
        const violations: string[] = [];
        document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
        const script = document.createElement('script');
        let trusted = 'allowed';
        try {
          script.text = 'window.evil = 1';
        } catch (error) {
          trusted = String(error);
        }
        try {
          document.body.innerHTML = '<img src=x onerror="window.evil = 2">';
        } catch {
          trusted += ' both';
        }
        const image = new Image();
        image.src = 'https://evil.example/pixel.png';
        document.body.append(image);
        const frame = document.createElement('iframe');
        frame.src = 'https://evil.example/';
        document.body.append(frame);
        const fetched = await fetch('https://evil.example/').then(
          () => 'sent',
          () => 'blocked',
        );
        const wanted = ['connect-src', 'frame-src', 'img-src', 'require-trusted-types-for'];
        const end = Date.now() + 30_000;
        while (wanted.some((directive) => !violations.includes(directive)) && Date.now() < end) {
          await new Promise((done) => setTimeout(done, 20));
        }
        image.remove();
        frame.remove();
        return { violations: [...new Set(violations)].sort(), trusted, fetched, evil: 'evil' in window };
      });
      expect(broken.evil).toBe(false);
      expect(broken.fetched).toBe('blocked');
      expect(broken.trusted).toMatch(/TrustedScript.* both$/s);
      expect(broken.violations).toEqual(['connect-src', 'frame-src', 'img-src', 'require-trusted-types-for']);
    });

    it('stays where it is, and opens no window', async () => {
      const before = page.url();
      const pages = page.context().pages().length;
      await page.evaluate(() => {
        location.href = 'https://evil.example/';
      });
      await page.evaluate(() => void window.open('https://evil.example/'));
      await logged('navigation');
      expect(page.url()).toBe(before);
      await until(() => page.context().pages().length === pages, 'the popup to be closed');
      await heading('Enrol this device').waitFor();
    });

    it('grows its text to twice the size by keyboard, with nothing wider than the window, and back', async () => {
      const [width, overflow] = [() => innerWidth, () => document.documentElement.scrollWidth - innerWidth];
      const usual = await page.evaluate(width);
      const mac = process.platform === 'darwin';
      const press = (key: string) => app.tell({ ask: 'press', input: { key, control: !mac, meta: mac } });
      for (let presses = 0; presses < 5; presses += 1) await press('+');
      await expect.poll(() => page.evaluate(width)).toBe(usual / 2);
      await expect.poll(() => page.evaluate(overflow)).toBe(0);
      await press('0');
      await expect.poll(() => page.evaluate(width)).toBe(usual);
    });

    it('grants no permission', async () => {
      const { permissions } = await app.record();
      expect(Object.values(permissions).filter(Boolean)).toEqual([]);
      expect(await page.evaluate(() => Notification.requestPermission())).toBe('denied');
    });

    it('takes its links as questions, from any start, and none that holds more than a server', async () => {
      await app.tell({ ask: 'open-url', url: 'muster://open?server=https://other.example' });
      const question = page.getByRole('alertdialog');
      await question.waitFor();
      await expect.poll(() => question.textContent()).toContain('other.example');
      await page.getByRole('button', { name: 'Keep the current one' }).click();
      await question.waitFor({ state: 'hidden' });
      await app.tell({ ask: 'second-instance', argv: ['muster', '--x', 'muster://open?server=https://third.example'] });
      await question.waitFor();
      await page.getByRole('button', { name: 'Keep the current one' }).click();
      await question.waitFor({ state: 'hidden' });
      await app.tell({ ask: 'open-url', url: 'muster://open?server=https://evil.example&token=secret' });
      const log = await logged('too-much');
      await expect.poll(() => question.count()).toBe(0);
      expect(log).not.toContain('secret');
    });

    it('goes on in the tray when its window is closed, tells of the approval once, and opens again', async () => {
      await page.getByRole('button', { name: 'Enrol this device' }).click();
      await page.getByRole('button', { name: 'Agree and sign in' }).click();
      await heading('Waiting for your browser').waitFor();
      await world.signIn(String((await app.opened()).at(-1)));
      await heading('Waiting for approval').waitFor();
      await app.tell({ ask: 'close-windows' });
      await expect
        .poll(async () => (await app.record()).tray.items[0])
        .toEqual({ label: 'Waiting for approval · demo', enabled: false });
      const { devices } = await world.api('GET', '/api/v1/devices?limit=1');
      await world.decide(String(devices[0]?.id), { decision: 'approved' });
      await expect.poll(async () => (await app.record()).notifications.length, { timeout: 60_000 }).toBeGreaterThan(0);
      await expect.poll(async () => (await app.record()).tray.tooltip).toBe('Muster: Approved · demo');
      const told = await app.record();
      expect(told.notifications.map(({ title }) => title)).toEqual(['This device is approved']);
      expect(told.tray.items.map(({ label }) => label)).toEqual([
        'Approved · demo',
        'Open Muster',
        'Check now',
        'Quit',
      ]);
      await app.tell({ ask: 'tray', label: 'Open Muster' });
      page = await app.newestPage();
      await heading('This device is approved').waitFor();
    });

    it('keeps no secret on the disk after the enrolment, and none in its log', async () => {
      // A file that is being replaced stands there under another name for a moment.
      const list = async () => (await readdir(join(folder, 'state'))).sort();
      await expect.poll(list).toEqual(['enrollment.json', 'settings.json']);
      const names = ['enrollment.json', 'settings.json'];
      const all = await Promise.all(names.map((name) => readFile(join(folder, 'state', name), 'utf8')));
      const log = await readFile(join(folder, 'logs/muster.log'), 'utf8');
      expect([...all, log].join('\n')).not.toMatch(/muster_grant|access_token|code_verifier|"d":"/);
    });

    it('goes on after it was killed', async () => {
      await app.kill();
      app = await startStandIn({ serverUrl: world.origin, tcti: world.tcti, folder });
      page = app.page;
      page.setDefaultTimeout(60_000);
      await heading('This device is approved').waitFor();
    });

    it('asks about the server of the link that started it, before anything else', async () => {
      const cold = await startStandIn({
        serverUrl: world.origin,
        tcti: world.tcti,
        folder: join(world.folder, 'cold'),
        // Chromium adds arguments of its own, in any order.
        arguments: ['--enable-features=x', 'muster://open?server=https://cold.example'],
      });
      try {
        const question = cold.page.getByRole('alertdialog');
        await question.waitFor({ timeout: 60_000 });
        await expect.poll(() => question.textContent()).toContain('cold.example');
        expect((await cold.record()).external).toEqual([]);
      } finally {
        await cold.close();
      }
    });
  },
);
