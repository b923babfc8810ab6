import { defineConfig } from 'vitest/config';
import { looseErrors } from './build/testReport.ts';

// Unit tests stand beside their source; suites that cross rooms live in tests/.
// Files named *.long.test.ts run with `npm run test:long` only, those named *.interop.test.ts with `npm run test:interop` only.
const long = process.env.MUSTER_TEST_LONG === '1';
const interop = process.env.MUSTER_TEST_INTEROP === '1';
/** Where build/test.ts wants to read what came of it. */
const report = process.env.MUSTER_TEST_REPORT;
const special = interop ? 'interop' : long ? 'long' : undefined;

export default defineConfig({
  test: {
    include: special ? [`**/*.${special}.test.{ts,tsx}`] : ['**/*.test.{ts,tsx}'],
    exclude: ['node_modules/**', 'dist/**', '.muster/**', ...(special ? [] : ['**/*.{long,interop}.test.{ts,tsx}'])],
    environment: 'node',
    ...(report ? { reporters: ['default', ['json', { outputFile: report }], looseErrors(report)] } : {}),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // What a page shows follows what was done to it, on a busy machine some time later.
    expect: { poll: { timeout: 30_000, interval: 50 } },
    coverage: {
      provider: 'v8',
      include: ['attestation/**/*.ts'],
      exclude: ['**/*.test.ts', '**/vectors/**', 'attestation/testing/**', 'attestation/{fuzz,bench,makeManifest}.ts'],
    },
  },
});
