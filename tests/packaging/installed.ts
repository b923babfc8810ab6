import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the maintainer scripts call; systemctl and the like are absent on purpose, as in an image build. */
const TOOLS = ['sh', 'ln', 'install', 'chmod', 'rm', 'rmdir', 'unshare', 'true'];

/** A tiny system below `folder`, with dpkg's own database, into which a real dpkg installs and out of which it purges. */
export function makeSystem(folder: string): void {
  for (const path of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'var/log', 'tmp', 'etc', 'usr/bin']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  writeFileSync(join(folder, 'var/lib/dpkg/status'), '');
  writeFileSync(join(folder, 'var/lib/dpkg/available'), '');
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\n');
  for (const tool of TOOLS) copyProgram(folder, tool);
}

function copyProgram(folder: string, tool: string): void {
  const found = spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', tool], { encoding: 'utf8' }).stdout.trim();
  const path = found.startsWith('/') ? found : ['/bin', '/usr/bin'].map((place) => `${place}/${tool}`).find(existsSync);
  if (!path) throw new Error(`${tool} is not installed.`);
  const libraries = spawnSync('ldd', [path], { encoding: 'utf8' }).stdout.match(/\/\S+(?= \()/g) ?? [];
  for (const file of [path, ...libraries]) {
    for (const place of file === path ? [`/bin/${tool}`, `/usr/bin/${tool}`] : [file]) {
      mkdirSync(dirname(join(folder, place)), { recursive: true });
      cpSync(realpathSync(file), join(folder, place));
    }
  }
}

/** Runs dpkg on that system; returns what it said. Throws where it fails. */
export function dpkg(folder: string, ...args: string[]): string {
  const run = spawnSync('dpkg', [`--root=${folder}`, '--force-depends', '--no-triggers', '--log=/dev/null', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    input: '',
  });
  if (run.status !== 0) throw new Error(`dpkg ${args.join(' ')}: ${run.stdout}${run.stderr}`);
  return run.stdout + run.stderr;
}

export const canChroot = () => process.getuid?.() === 0 && spawnSync('chroot', ['/', 'true']).status === 0;
