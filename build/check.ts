/** `npm run check`: types, lint and format, room boundaries. Prints one line for each and exits 1 when one fails. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { checkBoundaries } from './boundaries.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function tool(name: string, script: string, args: string[]): boolean {
  const run = spawnSync(process.execPath, [`${root}node_modules/${script}`, ...args], { cwd: root, encoding: 'utf8' });
  const ok = run.status === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
  if (!ok) console.log(`${run.stdout}${run.stderr}`.trimEnd());
  return ok;
}

function boundaries(): boolean {
  const breaches = checkBoundaries(root);
  console.log(`${breaches.length === 0 ? 'ok  ' : 'FAIL'} room boundaries`);
  for (const { file, imports, why } of breaches) console.log(`  ${file} imports ${imports}: ${why}`);
  return breaches.length === 0;
}

const results = [
  tool('types (node rooms)', 'typescript/bin/tsc', ['-p', 'tsconfig.json']),
  tool('types (browser rooms)', 'typescript/bin/tsc', ['-p', 'tsconfig.web.json']),
  tool('types (tests of browser rooms)', 'typescript/bin/tsc', ['-p', 'tsconfig.webTests.json']),
  tool('types (tests)', 'typescript/bin/tsc', ['-p', 'tsconfig.tests.json']),
  tool('lint and format', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']),
  boundaries(),
];
process.exit(results.every(Boolean) ? 0 : 1);
