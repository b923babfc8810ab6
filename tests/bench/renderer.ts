/**
 * `npm run bench:renderer [-- --json] [-- --starts]`: what the window costs (`--starts`: its sizes and starts alone). Bytes are exact; times
 * and memory vary with the machine and are figures to watch, not tests. Needs Chromium; the ceremony and the delays need swtpm too.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { has } from '../../build/bootstrap.mjs';
import { buildDesktop } from '../../build/desktop.ts';
import { buildWeb } from '../../build/web.ts';
import type { SelfDevice } from '../../contract/index.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createAdministrator, createInvite } from '../../server/index.ts';
import { createSession } from '../../server/store/sessions.ts';
import { createSoftDevice } from '../../server/testing/softDevice.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { chromiumPath, openChromium } from '../web/chromium.ts';
import { LAUNCHERS, ROOT, type RunningWindow, type WindowOptions } from '../window/launchers.ts';

const OTHERS = Number(process.env.OTHERS ?? 100);
const DECISIONS = Number(process.env.DECISIONS ?? 40);
const STARTS = Number(process.env.STARTS ?? 3);
const FRAME_MS = 1000 / 60;

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;
const round = (value: number): number => Math.round(value * 10) / 10;

async function sizes(): Promise<Record<string, number>> {
  const { rendererFolder, consoleFolder } = await buildWeb(ROOT);
  const of = async (folder: string, ending: string): Promise<number> => {
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(ending));
    const all = await Promise.all(
      names.map(async (name) => gzipSync(await readFile(join(folder, name)), { level: 9 }).length),
    );
    return all.reduce((sum, size) => sum + size, 0);
  };
  return {
    javascriptGzipBytes: await of(rendererFolder, '.js'),
    stylesGzipBytes: await of(rendererFolder, '.css'),
    consoleJavascriptGzipBytes: await of(consoleFolder, '.js'),
  };
}

type Started = { readyMs: number; pageReadyMs: number };

/** A window's button, from the start of whatever shows it, and from the start of the page alone. */
async function untilReady(start: () => Promise<{ page: Page; close(): Promise<void> }>): Promise<Started> {
  const since = performance.now();
  const window = await start();
  try {
    await window.page.getByRole('button', { name: 'Enrol this device' }).waitFor();
    const readyMs = performance.now() - since;
    return { readyMs, pageReadyMs: await window.page.evaluate(() => performance.now()) };
  } finally {
    await window.close();
  }
}

/** The least that the same host can show: for a desktop app one sandboxed window, for the browser host one page over HTTP. */
async function startBare(launcher: (typeof LAUNCHERS)[number], options: WindowOptions) {
  if (launcher.name !== 'browser host') {
    return launcher.start({ ...options, main: join(ROOT, 'tests/bench/bareWindow.mjs') });
  }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>Bare</title><link rel="icon" href="data:,"><button>Enrol this device</button>');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const browser = await openChromium({ locale: 'en-US', viewport: { width: 520, height: 720 } });
  await browser.page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return {
    page: browser.page,
    async close() {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * From the start of the process (stand-in) or of the host (browser host), Chromium included, to a button that can be pressed; and the same
 * for a bare window, turn by turn. What Chromium and the stand-in cost is in both: the difference is Muster's own share.
 */
async function starts(serverUrl: string, tcti: string): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const launcher of LAUNCHERS) {
    if (launcher.missing) continue;
    const own: Started[] = [];
    const bare: Started[] = [];
    // The first turn warms the disk's cache for both and does not count.
    for (let run = 0; run <= STARTS; run += 1) {
      await inFolder(async (folder) => {
        const options = { serverUrl, tcti, folder };
        const one = await untilReady(() => startBare(launcher, options));
        if (run > 0) bare.push(one);
      });
      await inFolder(async (folder) => {
        const one = await untilReady(() => launcher.start({ serverUrl, tcti, folder }));
        if (run > 0) own.push(one);
      });
    }
    const name =
      launcher.name === 'browser host' ? 'browserHost' : launcher.name === 'Electron' ? 'electron' : 'standIn';
    const middle = (list: Started[], key: keyof Started) =>
      quantile(
        list.map((one) => one[key]),
        0.5,
      );
    const [ready, least] = [middle(own, 'readyMs'), middle(bare, 'readyMs')];
    figures[`${name}ReadyMs`] = round(ready);
    figures[`${name}BareMs`] = round(least);
    figures[`${name}OwnMs`] = round(ready - least);
    figures[`${name}Ratio`] = Math.round((ready / least) * 100) / 100;
    figures[`${name}PageReadyMs`] = round(middle(own, 'pageReadyMs'));
    figures[`${name}BarePageMs`] = round(middle(bare, 'pageReadyMs'));
  }
  return figures;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-bench-window-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Enrols through the window with an invite, and counts the frames that the window left out meanwhile. */
async function ceremony(world: World, window: RunningWindow): Promise<Record<string, number>> {
  const { page } = window;
  const person = await openChromium({ locale: 'en-US' });
  try {
    const { secret } = await createInvite(world.server.store, { email: 'person@example.com' });
    await person.page.goto(`${world.origin}/invite#${secret}`);
    await person.page.waitForLoadState('networkidle');
    await page.getByRole('button', { name: 'Enrol this device' }).click();
    await page.getByRole('button', { name: 'Agree and sign in' }).click();
    await page.locator('.code-card').waitFor();
    const address = (await window.opened()).at(-1) ?? (await page.locator('a.button').getAttribute('href')) ?? '';
    await person.page.goto(address);
    await countFrames(page);
    const since = performance.now();
    await person.page.getByRole('button', { name: 'Enrol this device' }).click();
    await page.getByRole('heading', { name: 'Waiting for approval' }).waitFor();
    const took = performance.now() - since;
    const { frames, dropped } = await page.evaluate(
      () => (globalThis as unknown as { counted: { frames: number; dropped: number } }).counted,
    );
    return { ceremonyMs: round(took), ceremonyFrames: frames, ceremonyFramesDropped: dropped };
  } finally {
    await person.close();
  }
}

const countFrames = (page: Page): Promise<void> =>
  page.evaluate((frameMs) => {
    const counted = { frames: 0, dropped: 0 };
    Object.assign(globalThis, { counted });
    let last = performance.now();
    const next = (now: number): void => {
      counted.frames += 1;
      counted.dropped += Math.max(0, Math.round((now - last) / frameMs) - 1);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }, FRAME_MS);

/** Devices that are enrolled and hold their event stream open, as so many machines do. */
async function connectOthers(world: World): Promise<{ count: number; close(): void }> {
  const stop = new AbortController();
  let count = 0;
  for (let at = 0; at < OTHERS; at += 1) {
    const device = createSoftDevice({ maker: world.maker, name: `other-${at}` });
    const answer = await world.enroll(device, `person-${at}@example.com`);
    if (answer.status >= 300) throw new Error(`other device: ${answer.text}`);
    const url = `${world.origin}/api/v1/self/events`;
    const response = await fetch(url, {
      headers: await device.sign({ method: 'GET', url, created: new Date() }),
      signal: stop.signal,
    });
    if (!response.ok || !response.body) throw new Error(`other device's events: ${response.status}`);
    count += 1;
    void response.body.pipeTo(new WritableStream(), { signal: stop.signal }).catch(() => undefined);
  }
  return { count, close: () => stop.abort() };
}

/** From the administrator's click in the console to the other words in the person's window. */
async function delays(world: World, window: Page): Promise<Record<string, number>> {
  const others = await connectOthers(world);
  const user = await createAdministrator(world.server.store, { email: 'admin@example.com', role: 'owner' });
  const secret = await world.server.store.write((trx) => createSession(trx, Date.now(), user.id));
  const administrator = await openChromium({ locale: 'en-US', viewport: { width: 1280, height: 800 } });
  const bearer = await world.token('devices:read', 'devices:decide');
  try {
    const { page, context } = administrator;
    await context.addCookies([{ name: 'muster-session', value: secret, url: world.origin }]);
    const { body } = await world.api(bearer, 'GET', '/api/v1/devices?owner=person@example.com');
    const id = (body as { devices: SelfDevice[] }).devices[0]?.id ?? '';
    await page.goto(`${world.origin}/console/#/devices/${id}`);
    const took: number[] = [];
    for (let at = 0; at < DECISIONS; at += 1) {
      const approve = page.getByRole('button', { name: /^Approve/ });
      await approve.waitFor();
      const changed = window.getByRole('heading', { name: 'This device is approved' }).waitFor();
      const since = performance.now();
      await approve.click();
      await changed;
      took.push(performance.now() - since);
      await page.getByRole('button', { name: 'Refuse…' }).click();
      await page.getByRole('dialog').getByRole('textbox').fill('Bench.');
      await page.getByRole('dialog').getByRole('button', { name: 'Refuse' }).click();
      await window.getByRole('heading', { name: 'This device was refused' }).waitFor();
    }
    return {
      devicesConnected: others.count + 1,
      decisions: took.length,
      clickToWindowP50Ms: round(quantile(took, 0.5)),
      clickToWindowP99Ms: round(quantile(took, 0.99)),
    };
  } finally {
    others.close();
    await administrator.close();
  }
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find((metric) => metric.name === 'JSHeapUsedSize')?.value ?? Number.NaN;
}

async function live(): Promise<Record<string, number>> {
  const { consoleFolder } = await buildWeb(ROOT);
  await buildDesktop(ROOT);
  return inFolder(async (folder) => {
    const tpm = await startSoftwareTpm({ folder: join(folder, 'tpm') });
    const world = await startWorld({ server: { consoleFolder } });
    try {
      const started = await starts(world.origin, tpm.tcti);
      if (process.argv.includes('--starts')) return started;
      const launcher = LAUNCHERS.find((one) => one.name === 'browser host');
      if (!launcher) throw new Error('no launcher for the browser host');
      const window = await launcher.start({ serverUrl: world.origin, tcti: tpm.tcti, folder: join(folder, 'window') });
      try {
        const walked = await ceremony(world, window);
        const heap = { windowHeapBytes: await heapBytes(window.page) };
        return { ...started, ...walked, ...heap, ...(await delays(world, window.page)) };
      } finally {
        await window.close();
      }
    } finally {
      await world.close();
      await tpm.stop();
    }
  });
}

const runnable = chromiumPath() !== undefined && has('swtpm');
const figures = { ...(await sizes()), ...(runnable ? await live() : {}) };
// `npm run … --json` keeps the flag for itself and passes it on in the environment.
if (process.argv.includes('--json') || process.env.npm_config_json === 'true') {
  console.log(JSON.stringify(figures));
} else {
  if (!runnable) console.log('Only sizes: Chromium or swtpm is not on this machine.');
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(28)} ${value}`);
}
