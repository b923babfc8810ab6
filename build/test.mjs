// npm test [-- --long] [FILTER …]: brings what is missing, then runs the checks and the suites (build/test.ts).
import { ensurePackages, ensureSystem, handOver } from './bootstrap.mjs';
import { forPackagingTests, forTests } from './systemPackages.mjs';

ensurePackages();
const unmet = ensureSystem([...forTests(), ...(process.argv.includes('--long') ? forPackagingTests() : [])]);
handOver('build/test.ts', process.argv.slice(2), { MUSTER_TEST_UNMET: unmet.join(',') });
