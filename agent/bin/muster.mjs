#!/usr/bin/env node
// `npx muster` from a checkout, under whatever Node is there (20 or later): Node 24 runs the TypeScript sources.
if (Number(process.versions.node.split('.')[0]) >= 24) {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  const { main } = await import('../main.ts');
  await main();
} else {
  // What brings packages and Node belongs to the checkout, not to the program: named at run time, never bundled.
  const bootstrap = new URL('../../build/bootstrap.mjs', import.meta.url).href;
  const { ensurePackages, handOver } = await import(bootstrap);
  ensurePackages();
  handOver('agent/bin/muster.mjs', process.argv.slice(2));
}
