#!/usr/bin/env node
// `npx muster` from a checkout, under whatever Node is there (20 or later): Node 24 runs the TypeScript sources.
if (Number(process.versions.node.split('.')[0]) >= 24) {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  const { main } = await import('../main.ts');
  await main();
} else {
  const { ensurePackages, handOver } = await import('../../build/bootstrap.mjs');
  ensurePackages();
  handOver('agent/bin/muster.mjs', process.argv.slice(2));
}
