// Plain JavaScript for whatever Node is there (20 or later): brings the packages, the system packages and Node 24, then hands over.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const declined = process.env.MUSTER_NO_INSTALL === '1';

const say = (line) => process.stderr.write(`${line}\n`);

/** When npm finished an install, it wrote its own copy of the lock file last. */
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Installs the npm packages when node_modules is older than package-lock.json. No install script of a package is run. */
export function ensurePackages() {
  if (modified(join(modules, '.package-lock.json')) >= modified(join(root, 'package-lock.json'))) return;
  const command = 'npm ci --ignore-scripts --no-audit --no-fund';
  if (declined) {
    if (existsSync(join(modules, 'zod'))) return;
    stop(`The npm packages are not installed and MUSTER_NO_INSTALL=1 declines it. Run: ${command}`);
  }
  say(`Installing the npm packages of package-lock.json (${command}) …`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Node 20's npm would warn of packages that want Node 24, which is exactly what brings itself below.
  const run = spawnSync(
    npm,
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-progress'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
      env: { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' },
    },
  );
  if (run.status !== 0) stop(`npm could not install the packages. Check the network and run: ${command}`);
}

/** The Node that runs TypeScript: this one when it is 24 or later, else the one that comes as a package. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const os = process.platform === 'win32' ? 'win' : process.platform;
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  const path = join(modules, `node-${os}-${process.arch}`, 'bin', binary);
  if (existsSync(path)) return path;
  return stop(
    `Muster runs on Node 24; this is Node ${process.versions.node} and no packaged Node exists for ${os}-${process.arch}. Install Node 24 or later and run the command again.`,
  );
}

/**
 * Installs the Debian packages that are missing, after naming each. Returns the needs that stay unmet, by name.
 * @param {{ name: string, present: () => boolean, packages: string[], why: string }[]} needs
 */
export function ensureSystem(needs) {
  if (process.platform !== 'linux') return [];
  const missing = needs.filter((need) => !need.present());
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.flatMap((need) => need.packages))];
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const canInstall = !declined && process.getuid?.() === 0 && has('apt-get');
  for (const need of missing) {
    say(`${canInstall ? 'Installing' : 'Missing'}: ${need.name} (${need.packages.join(', ')}): ${need.why}`);
  }
  if (!canInstall) {
    say(`To install what is missing, run as root: ${command}`);
    return missing.map((need) => need.name);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  let run = spawnSync('apt-get', ['update', '-qq'], { env, encoding: 'utf8' });
  if (run.status === 0)
    run = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
      env,
      encoding: 'utf8',
    });
  const unmet = needs.filter((need) => !need.present()).map((need) => need.name);
  if (unmet.length > 0)
    say(
      `apt-get did not bring ${unmet.join(', ')}: ${(run.stderr || run.stdout || '').trim().split('\n').slice(-3).join(' ')}\nTo try by hand: ${command}`,
    );
  return unmet;
}

/** Whether a command stands on the PATH. */
export function has(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a script of this checkout under Node 24 with this terminal, and ends as it ends. */
export function handOver(script, args, env = {}) {
  const child = spawn(findNode(), ['--disable-warning=ExperimentalWarning', join(root, script), ...args], {
    cwd: process.cwd(),
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  // A terminal sends Ctrl-C to both, whoever runs npm only to this process; the child ends its own children, and this one waits for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Whoever ends npm alone ends the shell between npm and this process too, which passes nothing on.
  const shell = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined)
    setInterval(() => process.ppid !== shell && child.kill('SIGTERM'), 500).unref();
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
  child.on('error', (error) => stop(`Node could not be started: ${error.message}`));
}

function stop(message) {
  say(message);
  process.exit(1);
}
