/**
 * `npm run bench:renderer [-- --json]`: what the window costs. Bytes are exact; times and memory vary with the machine and are figures to
 * watch, not tests. Needs Chromium; the ceremony and the delays need swtpm too.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
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
import { LAUNCHERS, ROOT, type RunningWindow } from '../window/launchers.ts';

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

/** From the start of the process (stand-in) or of the host (browser host), Chromium included, to a button that can be pressed. */
async function starts(serverUrl: string, tcti: string): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const launcher of LAUNCHERS) {
    if (launcher.missing) continue;
    const times: number[] = [];
    const pageTimes: number[] = [];
    for (let run = 0; run < STARTS; run += 1) {
      await inFolder(async (folder) => {
        const since = performance.now();
        const window = await launcher.start({ serverUrl, tcti, folder });
        try {
          await window.page.getByRole('button', { name: 'Enrol this device' }).waitFor();
          times.push(performance.now() - since);
          pageTimes.push(await window.page.evaluate(() => performance.now()));
        } finally {
          await window.close();
        }
      });
    }
    const name =
      launcher.name === 'browser host' ? 'browserHost' : launcher.name === 'Electron' ? 'electron' : 'standIn';
    figures[`${name}ReadyMs`] = round(quantile(times, 0.5));
    figures[`${name}PageReadyMs`] = round(quantile(pageTimes, 0.5));
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
