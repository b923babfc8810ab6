/**
 * Runs the checks and every suite that this machine can run, says what was skipped and why, and ends with one line of counts.
 * Arguments: `--long` for the long suites; anything else filters test files by name (and leaves the checks out).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBroken, listOfLate, readReport, removeReport, withSecondTry, worthSecondTry } from './testReport.ts';

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

// The path of a UNIX socket holds 107 bytes, and tests and Chromium make theirs below the temporary folder.
const short = process.platform === 'win32' || tmpdir().length <= 50 ? undefined : mkdtempSync('/tmp/muster-test-');

/** Runs vitest, and says whether it was content besides what it reports. */
function vitest(...args: string[]): boolean {
  removeReport(reportFile);
  return node('node_modules/vitest/vitest.mjs', ['run', '--passWithNoTests', ...args], {
    MUSTER_TEST_LONG: long ? '1' : '0',
    MUSTER_TEST: '1',
    MUSTER_TEST_REPORT: reportFile,
    ...(short ? { TMPDIR: short } : {}),
  });
}

mkdirSync(`${root}.work`, { recursive: true });
let passed = 0;
let failed = 0;
let skipped = 0;

if (!long && filters.length === 0) {
  if (node('build/check.ts', [])) passed++;
  else failed++;
}
if (!node('build/web.ts', [])) failed++;

let suites = vitest(...filters);
let report = readReport(reportFile);
const name = (file: string) => relative(root, file);
// A failure that a second try in a process of its own does not show is no reason to refuse a change, and is not kept quiet either.
const again = filters.length === 0 ? worthSecondTry(report) : [];
let late: string[] = [];
if (again.length > 0) {
  console.log(`\nTried once more, as a whole and alone: ${again.map(name).join(', ')}`);
  suites = vitest('--maxWorkers=1', ...again);
  const both = withSecondTry(report, readReport(reportFile));
  report = both.report;
  late = listOfLate(both.late, name);
}
if (short) rmSync(short, { recursive: true, force: true });

const skippedNames = new Map<string, string[]>();
for (const file of report.testResults) {
  // A file that could not even be loaded has no assertions of its own.
  if (isBroken(file)) {
    failed++;
    console.log(`failed to run: ${name(file.name)}: ${file.message.split('\n')[0]}`);
  }
  for (const result of file.assertionResults) {
    if (result.status === 'passed') passed++;
    else if (result.status === 'failed') failed++;
    else {
      skipped++;
      skippedNames.set(name(file.name), [...(skippedNames.get(name(file.name)) ?? []), result.fullName]);
    }
  }
}
failed += report.errors.length;
for (const { file, message } of report.errors)
  console.log(
    `an error that no test waited for: ${file ? name(file) : 'nobody knows where'}: ${message.split('\n')[0]}`,
  );
if (!suites && failed === 0) failed++;

if (skippedNames.size > 0) console.log('\nSkipped (each names what it needs):');
for (const [file, names] of skippedNames) {
  for (const test of names.slice(0, 5)) console.log(`  ${file}: ${test}`);
  if (names.length > 5) console.log(`  ${file}: and ${names.length - 5} more`);
}
const unmet = process.env.MUSTER_TEST_UNMET;
if (unmet) console.log(`\nNot on this machine: ${unmet.replaceAll(',', ', ')}. What depends on them was skipped.`);
for (const line of late) console.log(`\n${line}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
