/** Builds the desktop app for production (`npm run build`): dist/main and dist/preload by electron-vite, the window by build/web.ts. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWindow } from './web.ts';

export type DesktopFolders = { main: string; preload: string; renderer: string };

const INPUTS = ['main', 'app', 'native', 'attestation', 'contract'] as const;
const STAMP = '.inputs';

/** Builds only when what the bundles are made from has changed; they are moved into place whole, main last. */
export async function buildDesktop(folder: string, options: { force?: boolean } = {}): Promise<DesktopFolders> {
  const root = resolve(folder);
  const folders = { main: join(root, 'dist/main'), preload: join(root, 'dist/preload') };
  const renderer = await buildWindow(root, options);
  const inputs = await hashOfInputs(root);
  if (options.force || (await builtFrom(folders.main)) !== inputs) await build(root, folders, inputs, options.force);
  return { ...folders, renderer };
}

const builtFrom = (folder: string): Promise<string> => readFile(join(folder, STAMP), 'utf8').catch(() => '');

async function build(
  root: string,
  folders: { main: string; preload: string },
  inputs: string,
  force = false,
): Promise<void> {
  await mkdir(join(root, 'dist'), { recursive: true });
  const fresh = await mkdtemp(join(root, 'dist/.desktop-'));
  try {
    const tool = join(root, 'node_modules/electron-vite/bin/electron-vite.js');
    const run = spawnSync(process.execPath, [tool, 'build', '--logLevel', 'warn'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, MUSTER_DIST: fresh },
    });
    if (run.status !== 0) throw new Error(`The desktop app could not be built.\n${run.stdout}${run.stderr}`);
    await writeFile(join(fresh, 'main', STAMP), inputs);
    // Another suite was faster, and an app may be running from what it built.
    if (!force && (await builtFrom(folders.main)) === inputs) return;
    for (const part of ['preload', 'main'] as const) {
      await rm(folders[part], { recursive: true, force: true });
      await rename(join(fresh, part), folders[part]);
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function hashOfInputs(root: string): Promise<string> {
  const hash = createHash('sha256');
  const sources = INPUTS.flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root }))
    .filter((name) => !/\.test\.ts$|[\\/]testing[\\/]/.test(name))
    .sort();
  for (const name of [...sources, 'electron.vite.config.ts', 'package-lock.json']) {
    const content = await readFile(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { main, preload, renderer } = await buildDesktop(root, { force: process.argv.includes('--force') });
  console.log(`Built ${main}, ${preload} and ${renderer}`);
}
