/** Builds the two web applications (`node build/web.ts [--force]`): the person's window and the admin console. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build, type InlineConfig } from 'vite';

export type WebFolders = { rendererFolder: string; consoleFolder: string };
type WebApp = 'renderer' | 'console';

/** What each application is built from: its own room, and the rooms that it imports. */
const INPUTS: Record<WebApp, readonly string[]> = {
  renderer: ['renderer', 'ui', 'contract'],
  console: ['console', 'ui', 'contract'],
};

/** Strict CSP decides the options: nothing inline, no data: scripts, no injected preload helper. */
export function webConfig(root: string, app: WebApp, outDir = join(root, 'dist', app)): InlineConfig {
  return {
    configFile: false,
    root: join(root, app),
    // The window is served by several hosts at their root; the console always by the server below /console/.
    base: app === 'console' ? '/console/' : './',
    plugins: [react()],
    logLevel: 'warn',
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2024',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  };
}

/** Builds the person's window below `root`/dist, where what it is built from has changed; returns its folder. */
export async function buildWindow(root: string, options: { force?: boolean } = {}): Promise<string> {
  await buildApp(resolve(root), 'renderer', options.force);
  return resolve(root, 'dist/renderer');
}

/** Builds both production bundles below `root`/dist, each only when what it is built from has changed. */
export async function buildWeb(root: string, options: { force?: boolean } = {}): Promise<WebFolders> {
  for (const app of ['renderer', 'console'] as const) await buildApp(resolve(root), app, options.force);
  return { rendererFolder: resolve(root, 'dist/renderer'), consoleFolder: resolve(root, 'dist/console') };
}

/** Builds what ships, whatever NODE_ENV says (`test` under Vitest): Vite would take React's development build for any other value. */
export async function buildProduction(config: InlineConfig): Promise<void> {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  try {
    await build(config);
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
}

async function buildApp(root: string, app: WebApp, force = false): Promise<void> {
  const folder = join(root, 'dist', app);
  const inputs = await hashOfInputs(root, app);
  if (!force && (await builtFrom(folder)) === inputs) return;
  // Built beside and moved into place whole: suites that run at the same time never see half a bundle.
  await mkdir(join(root, 'dist'), { recursive: true });
  const fresh = await mkdtemp(join(root, 'dist', `.${app}-`));
  try {
    await buildProduction(webConfig(root, app, fresh));
    await writeFile(join(fresh, STAMP), inputs);
    // Another suite was faster, and a browser may be loading what it built.
    if (!force && (await builtFrom(folder)) === inputs) return;
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder).catch(async (error: unknown) => {
      if ((await builtFrom(folder)) !== inputs) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const STAMP = '.inputs';
const builtFrom = (folder: string): Promise<string> => readFile(join(folder, STAMP), 'utf8').catch(() => '');

/** SHA-256 over the names and contents of every file that the application is built from, tests and gallery left out. */
async function hashOfInputs(root: string, app: WebApp): Promise<string> {
  const hash = createHash('sha256');
  const files = INPUTS[app]
    .flatMap((room) => globSync(`${room}/**/*.{ts,tsx,css,html}`, { cwd: root }))
    .filter((name) => !/\.test\.tsx?$|[\\/]gallery[\\/]/.test(name))
    .sort();
  for (const name of [...files, 'build/web.ts', 'package-lock.json']) {
    const content = await readFile(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folders = await buildWeb(root, { force: process.argv.includes('--force') });
  console.log(`Built ${folders.rendererFolder} and ${folders.consoleFolder}`);
}
