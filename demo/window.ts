import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type ElectronFinding = { executable: string } | { missing: string };

/** Whether the Electron runtime and a display are here; otherwise why not, as one sentence. Never makes Electron download itself. */
export function findElectron(root: string, environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): ElectronFinding {
  const executable = environment.ELECTRON_EXECUTABLE ?? packaged(root);
  if (!executable || !existsSync(executable)) return { missing: 'The Electron runtime is not on this machine' };
  const display = platform !== 'linux' || Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY);
  return display ? { executable } : { missing: 'There is no display for a desktop window' };
}

/** The electron package writes the name of its binary to path.txt once it has downloaded it. */
function packaged(root: string): string | undefined {
  const folder = join(root, 'node_modules', 'electron');
  const name = join(folder, 'path.txt');
  return existsSync(name) ? join(folder, 'dist', readFileSync(name, 'utf8').trim()) : undefined;
}

/** Opens the desktop app, unpackaged, on this inventory; what it takes from its environment main/desktop.ts names. */
export function openElectron(
  executable: string,
  main: string,
  demo: { serverUrl: string; tcti: string | undefined; folder: string },
): ChildProcess {
  return spawn(executable, [join(main, 'index.js')], {
    stdio: 'inherit',
    env: {
      ...process.env,
      MUSTER_SERVER_URL: demo.serverUrl,
      MUSTER_USER_DATA: join(demo.folder, 'desktop'),
      ...(demo.tcti === undefined ? {} : { MUSTER_TCTI: demo.tcti }),
    },
  });
}
