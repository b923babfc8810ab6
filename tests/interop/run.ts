/** `npm run test:interop`: the suites that build stock tools of others from the Go module proxy. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = spawnSync(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, 'run', 'tests/interop'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, MUSTER_TEST_INTEROP: '1' },
});
process.exit(run.status ?? 1);
