/**
 * `npm run test:interop [-- FILTER …]`: builds stock tools of peers from the Go module proxy into .work/interop, once, and runs the suites
 * that put them against Muster. What cannot be brought here is named and skipped.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { ensureSystem } from '../../build/bootstrap.mjs';
import { forTests } from '../../build/systemPackages.mjs';
import { buildTools } from './tools.ts';

const root = resolve(import.meta.dirname, '../..');
const NEEDED = ['tpm2-tss', 'swtpm'];

const unmet = ensureSystem(forTests().filter(({ name }) => NEEDED.includes(name)));
const absent = [...unmet, ...(await buildTools(console.log))];
const vitest = resolve(root, 'node_modules/vitest/vitest.mjs');
const run = spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', vitest, 'run', '--reporter=verbose', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', env: { ...process.env, MUSTER_TEST_INTEROP: '1', MUSTER_TEST: '1' } },
);
if (absent.length > 0) console.log(`\nNot on this machine: ${absent.join(', ')}. What depends on them was skipped.`);
process.exit(run.status ?? 1);
