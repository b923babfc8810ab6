import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, chromium, type Page } from 'playwright-core';
import { createApp, createFileStore, type Ports, silentLogger, systemClock } from '../../app/index.ts';
import { buildDesktop } from '../../build/desktop.ts';
import { startBrowserHost } from '../../main/browserHost/index.ts';
import { createHardwareIdentity } from '../../main/hardware.ts';
import type { record } from '../standin/record.ts';
import type { Ask } from '../standin/run.ts';
import { chromiumPath, openChromium } from '../web/chromium.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type WindowOptions = {
  serverUrl: string;
  tcti: string;
  folder: string;
  locale?: string;
  backend?: string;
  /** Another main module than Muster's own, to compare with. */
  main?: string;
};

/** The person's window, whatever shows it. */
export type RunningWindow = {
  page: Page;
  /** Addresses that the app asked the system's browser to open, oldest first. */
  opened(): Promise<string[]>;
  /** Ends the app as a person would; what is on disk stays. */
  close(): Promise<void>;
};

/** A start on a slow machine that does other things too. */
const START_MS = 90_000;

export type Launcher = {
  name: string;
  missing: string | undefined;
  start(options: WindowOptions): Promise<RunningWindow>;
};

const noChromium = chromiumPath() === undefined ? 'no Chromium on this machine' : undefined;
const electron = process.env.ELECTRON_EXECUTABLE;

export const LAUNCHERS: readonly Launcher[] = [
  { name: 'chromium-electron', missing: noChromium, start: startStandIn },
  { name: 'browser host', missing: noChromium, start: startInBrowser },
  {
    name: 'Electron',
    missing: electron && existsSync(electron) ? undefined : 'no Electron runtime; set ELECTRON_EXECUTABLE',
    start: startElectron,
  },
];

export type StandIn = RunningWindow & {
  child: ChildProcess;
  tell<T = undefined>(ask: Ask): Promise<T>;
  record(): Promise<typeof record>;
  /** The page of the newest window. */
  newestPage(): Promise<Page>;
  /** Kills the process at once, as a crash would. */
  kill(): Promise<void>;
};

/** The production main bundle on the Chromium-backed stand-in for `electron`, in a process of its own. */
export async function startStandIn(options: WindowOptions & { arguments?: string[] }): Promise<StandIn> {
  const { main, preload } = await buildDesktop(ROOT);
  // In the test's own folder: also what a killed app leaves goes away with it.
  const profile = join(options.folder, `chromium-${randomUUID()}`);
  const script = options.main ?? join(main, 'index.js');
  const child = fork(join(ROOT, 'tests/standin/run.ts'), [script, ...(options.arguments ?? [])], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: {
      ...environment(options),
      ...(options.main ? { BARE_PRELOAD: join(preload, 'index.cjs') } : {}),
      STANDIN_CHROMIUM: chromiumPath(),
      STANDIN_PROFILE: profile,
      STANDIN_LOCALE: options.locale ?? 'en-US',
      ...(options.backend ? { STANDIN_BACKEND: options.backend } : {}),
    },
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  let next = 1;
  const waiting = new Map<number, { resolve(answer: never): void; reject(error: Error): void }>();
  child.on('message', ({ id, answer }: { id: number; answer: never }) => {
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The app ended.'));
  });
  const tell = <T>(ask: Ask): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      child.send({ ...ask, id }, (error) => error && reject(error));
    });
  const browser = await connect(profile, child).catch(giveUpEarly(child));
  const newestPage = async () => {
    for (const end = Date.now() + START_MS; Date.now() < end; ) {
      if (child.exitCode !== null) throw new Error(`The app ended with ${child.exitCode}.`);
      const page = browser
        .contexts()
        .flatMap((context) => context.pages())
        .findLast((candidate) => !candidate.isClosed() && candidate.url().startsWith('https://window.app.test/'));
      if (page) return page;
      await new Promise((done) => setTimeout(done, 25));
    }
    throw new Error('The app opened no window.');
  };
  const stop = async (how: () => void) => {
    how();
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await ended;
    clearTimeout(timer);
    await browser.close().catch(() => undefined);
  };
  const giveUp = async (error: unknown): Promise<never> => {
    await stop(() => child.kill('SIGKILL'));
    throw error;
  };
  const hidden = options.arguments?.includes('--hidden') ?? false;
  return {
    page: hidden ? (undefined as never) : await newestPage().catch(giveUp),
    child,
    tell,
    newestPage,
    record: () => tell<typeof record>({ ask: 'record' }),
    opened: async () => (await tell<typeof record>({ ask: 'record' })).external,
    close: () => stop(() => void tell({ ask: 'quit' }).catch(() => undefined)),
    kill: () => stop(() => child.kill('SIGKILL')),
  };
}

/** Chromium writes the port that it chose itself into its profile: none has to be guessed free. */
async function connect(profile: string, child: ChildProcess) {
  for (const end = Date.now() + START_MS; ; ) {
    try {
      const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n');
      return await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    } catch (error) {
      if (Date.now() > end || child.exitCode !== null) throw error;
      await new Promise((done) => setTimeout(done, 25));
    }
  }
}

const giveUpEarly = (child: ChildProcess) => (error: unknown) => {
  child.kill('SIGKILL');
  throw error;
};

/** The same core and renderer over loopback HTTP, in this process, in a Chromium of its own. */
async function startInBrowser(options: WindowOptions): Promise<RunningWindow> {
  const { renderer } = await buildDesktop(ROOT);
  const opened: string[] = [];
  const store = createFileStore(join(options.folder, 'state'));
  const ports: Ports = {
    hardware: createHardwareIdentity({ tcti: options.tcti, inProcess: true, claimKeys: store }),
    // The person's browser is the one that shows the window: it has the link.
    browser: { open: async (url) => void opened.push(url) },
    store,
    clock: systemClock,
    log: silentLogger,
    fetch: globalThis.fetch,
  };
  const app = createApp(ports, {
    version: '0.1.0',
    platform: 'linux',
    host: 'browser',
    serverUrl: options.serverUrl,
    help: { help: options.serverUrl, privacy: options.serverUrl },
  });
  const host = await startBrowserHost({ app, rendererFolder: renderer });
  await app.start();
  const browser = await openChromium({ locale: options.locale ?? 'en-US', viewport: { width: 520, height: 720 } });
  await browser.page.goto(host.url);
  return {
    page: browser.page,
    opened: async () => opened,
    async close() {
      await browser.close();
      await host.close();
      await app.close();
    },
  };
}

/** The real thing, from an unfused build (Playwright drives it through --inspect). */
async function startElectron(options: WindowOptions): Promise<RunningWindow> {
  const { main } = await buildDesktop(ROOT);
  const running = await _electron.launch({
    executablePath: electron ?? '',
    args: [join(main, 'index.js'), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: environment(options) as Record<string, string>,
  });
  await running.evaluate(({ shell }) => {
    const opened: string[] = [];
    Object.assign(globalThis, { opened });
    shell.openExternal = async (url) => void opened.push(url);
  });
  return {
    page: await running.firstWindow(),
    opened: () => running.evaluate(() => (globalThis as unknown as { opened: string[] }).opened),
    close: () => running.close(),
  };
}

function environment(options: WindowOptions): NodeJS.ProcessEnv {
  return {
    ...process.env,
    MUSTER_SERVER_URL: options.serverUrl,
    MUSTER_TCTI: options.tcti,
    MUSTER_USER_DATA: options.folder,
  };
}
