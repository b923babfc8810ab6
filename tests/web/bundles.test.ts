import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildWeb } from '../../build/web.ts';
import { root } from './gallery.ts';

/** The window starts with every sign-in of everybody; the console is opened by few, and stays open. */
const MOST = { renderer: 120 * 1024, console: 136 * 1024 };

describe.each(['renderer', 'console'] as const)('the shipped %s', (app) => {
  let page: string;
  let scripts: Uint8Array[];
  let names: string[];

  beforeAll(async () => {
    const folders = await buildWeb(root);
    const folder = app === 'renderer' ? folders.rendererFolder : folders.consoleFolder;
    names = await readdir(folder, { recursive: true });
    page = await readFile(join(folder, 'index.html'), 'utf8');
    scripts = await Promise.all(
      names.filter((name) => name.endsWith('.js')).map((name) => readFile(join(folder, name))),
    );
  });

  test('keeps its budget of JavaScript, gzipped', () => {
    const bytes = scripts.reduce((sum, script) => sum + gzipSync(script, { level: 9 }).length, 0);
    expect(bytes).toBeGreaterThan(40 * 1024);
    expect(bytes).toBeLessThanOrEqual(MOST[app]);
  });

  test('holds nothing inline, which its Content-Security-Policy would refuse', () => {
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    expect(page.match(/<script/g)).toHaveLength(1);
  });

  test('is a production build without schemas, fixtures or source maps', () => {
    const text = scripts.map((script) => new TextDecoder().decode(script)).join('');
    for (const word of ['ZodError', 'nordlicht', 'react-dom-client.development', 'sourceMappingURL']) {
      expect(text).not.toContain(word);
    }
    expect(names.filter((name) => /gallery|\.map$/.test(name))).toEqual([]);
  });
});
