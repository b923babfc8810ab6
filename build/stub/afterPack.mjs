// The hook of a package on a stub runtime: the real one, and the agent's own Node (120 MB) exchanged for a script that says what this is.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterPack as realAfterPack } from '../afterPack.mjs';
import { STUB_NOTE } from './runtimes.mjs';

export async function afterPack(context) {
  await realAfterPack(context);
  const resources = context.packager.getResourcesDir(context.appOutDir);
  const lib = join(resources, 'agent/lib');
  for (const name of existsSync(lib) ? readdirSync(lib) : []) {
    if (name !== 'node' && name !== 'node.exe') continue;
    rmSync(join(lib, name));
    writeFileSync(join(lib, name), `#!/bin/sh\necho '${STUB_NOTE}' >&2\nexit 1\n`, { mode: 0o755 });
  }
}
