import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { buildProduction, webConfig } from '../../build/web.ts';
import { PAGE_HEADERS } from '../../main/csp.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const FONT = join(root, 'node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
};

export type Gallery = { url: string; close(): Promise<void> };

/** Builds the gallery of one application as production code and serves it under the window's own Content-Security-Policy. */
export async function serveGallery(app: 'renderer' | 'console'): Promise<Gallery> {
  const folder = await mkdtemp(join(tmpdir(), `muster-gallery-${app}-`));
  await buildProduction({ ...webConfig(root, app, folder), root: join(root, app, 'gallery'), base: './' });
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://gallery').pathname;
    const file = path === '/font.woff2' ? FONT : join(folder, normalize(path === '/' ? '/index.html' : path));
    const bytes = await readFile(file).catch(() => undefined);
    response.writeHead(bytes ? 200 : 404, { ...PAGE_HEADERS, 'content-type': TYPES[extname(file)] ?? 'text/plain' });
    response.end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The clock of every fixture, so that ages are the same in every run. */
export const stopClock = (page: Page, now: string): Promise<void> => page.clock.setFixedTime(new Date(now));

/** Draws with the bundled font instead of whatever the machine has, so that pictures look the same everywhere. */
export async function drawWithBundledFont(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const font = new FontFace('Muster Sans', 'url(/font.woff2)', { weight: '100 900' });
    await font.load();
    document.fonts.add(font);
    document.documentElement.style.setProperty('--font', '"Muster Sans", sans-serif');
    document.documentElement.style.setProperty('--font-mono', '"Muster Sans", sans-serif');
    await document.fonts.ready;
  });
}
