/**
 * Runs the checks and every suite that this machine can run, says what was skipped and why, and ends with one line of counts.
 * Arguments: `--long` for the long suites; anything else filters test files by name (and leaves the checks out).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

type Result = { status: string; fullName: string; failureMessages: string[] };
type Report = {
  numTotalTestSuites: number;
  testResults: { name: string; status: string; message: string; assertionResults: Result[] }[];
};

const root = fileURLToPath(new URL('..', import.meta.url));
const long = process.argv.includes('--long');
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const reportFile = `${root}.work/test-${long ? 'long' : 'short'}.json`;

function node(script: string, args: string[], env: NodeJS.ProcessEnv = {}): boolean {
  const run = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', `${root}${script}`, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return run.status === 0;
}

mkdirSync(`${root}.work`, { recursive: true });
rmSync(reportFile, { force: true });
let passed = 0;
let failed = 0;
let skipped = 0;

if (!long && filters.length === 0) {
  if (node('build/check.ts', [])) passed++;
  else failed++;
}
if (!node('build/web.ts', [])) failed++;

const suites = node(
  'node_modules/vitest/vitest.mjs',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, '--passWithNoTests', ...filters],
  { MUSTER_TEST_LONG: long ? '1' : '0', MUSTER_TEST: '1' },
);

const report: Report = JSON.parse(readFileSync(reportFile, 'utf8'));
const skippedNames = new Map<string, string[]>();
for (const file of report.testResults) {
  const name = relative(root, file.name);
  // A file that could not even be loaded has no assertions of its own.
  if (file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed')) {
    failed++;
    console.log(`failed to run: ${name}: ${file.message.split('\n')[0]}`);
  }
  for (const result of file.assertionResults) {
    if (result.status === 'passed') passed++;
    else if (result.status === 'failed') failed++;
    else {
      skipped++;
      skippedNames.set(name, [...(skippedNames.get(name) ?? []), result.fullName]);
    }
  }
}
if (!suites && failed === 0) failed++;

if (skippedNames.size > 0) console.log('\nSkipped (each names what it needs):');
for (const [file, names] of skippedNames) {
  for (const name of names.slice(0, 5)) console.log(`  ${file}: ${name}`);
  if (names.length > 5) console.log(`  ${file}: and ${names.length - 5} more`);
}
const unmet = process.env.MUSTER_TEST_UNMET;
if (unmet) console.log(`\nNot on this machine: ${unmet.replaceAll(',', ', ')}. What depends on them was skipped.`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
