import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from './launchers.ts';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const page = read('docs/security.md');
const rows = page.split('\n').filter((line) => line.startsWith('|') && !/^\|[-|]+\|$/.test(line));

/** `file`: `text` (code) and `file`: "title" (test), as the tables write them. */
const code = [...page.matchAll(/`([\w./-]+\.(?:ts|yml|json))`: `((?:[^`])+)`/g)].map(([, file = '', text = '']) => ({
  file,
  text: text.replaceAll('\\|', '|'),
}));
const tests = [...page.matchAll(/`([\w./-]+\.test\.ts)`: "([^"]+)"/g)].map(([, file = '', title = '']) => ({
  file,
  title,
}));

describe('docs/security.md', () => {
  it('has a row for each of the twenty items', () => {
    const numbers = rows.map((row) => /^\| (\d+) \|/.exec(row)?.[1]).filter((number) => number !== undefined);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1)));
    expect(code.length).toBeGreaterThan(30);
    expect(tests.length).toBeGreaterThan(30);
  });

  for (const { file, text } of code) {
    it(`quotes ${file} as it stands: ${text}`, () => expect(read(file)).toContain(text));
  }

  for (const { file, title } of tests) {
    it(`names a test of ${file}: ${title}`, () => {
      // Titles in a loop are made of a fixed part and what the loop adds.
      const source = read(file);
      const known =
        source.includes(`'${title}'`) ||
        source.includes(`"${title}"`) ||
        loopTitles(source).some((part) => title.startsWith(part));
      expect(known).toBe(true);
    });
  }

  it('is what the comments in the code point to', () => {
    for (const file of [
      'main/window.ts',
      'main/guards.ts',
      'main/ipc.ts',
      'main/csp.ts',
      'main/protocol.ts',
      'main/preload.ts',
    ]) {
      expect(read(file)).toContain('SECURITY: docs/security.md');
    }
  });

  it('is pinned to the version that this page names', () => {
    expect(page).toContain(`"electron": "${packageJson.devDependencies.electron}"`);
    expect(packageJson.devDependencies.electron).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('finds one call of openExternal in the whole shell', () => {
    const calls = [
      'main/openExternal.ts',
      'main/desktop.ts',
      'main/tray.ts',
      'main/window.ts',
      'main/ipc.ts',
      'main/index.ts',
    ]
      .map((file) => read(file).match(/\.openExternal\(/g)?.length ?? 0)
      .reduce((sum, count) => sum + count, 0);
    expect(calls).toBe(1);
  });
});

function loopTitles(source: string): string[] {
  return [...source.matchAll(/it\(`([^`$]+)\$\{/g)].map(([, fixed = '']) => fixed).filter((fixed) => fixed.length > 6);
}
