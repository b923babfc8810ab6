// npm run package -- --linux deb rpm | --win dir | --mac dir [--stub]: the installers of electron-builder.yml.
// Everything that electron-builder 26 takes from its surroundings is set here and nowhere else: version 27 replaces these variables.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensurePackages, ensureSystem, findNode, root } from './bootstrap.mjs';
import { makeStubRuntime, STUB_NOTE, STUB_SUFFIX } from './stub/runtimes.mjs';
import { forPackaging } from './systemPackages.mjs';

const SYSTEMS = { '--linux': 'linux', '--win': 'win', '--mac': 'mac' };
const HOSTS = { linux: 'linux', win32: 'win', darwin: 'mac' };
const HELP = `npm run package -- (--linux deb rpm dir | --win nsis msi dir | --mac pkg dmg zip dir) [--stub] [--no-build | --build-missing] [--output FOLDER]

  --stub      pack without the Electron runtime, to check the contents (the default where the runtime is not installed)
  --no-build  take dist/ as it is; --build-missing builds only what is missing or has changed
  --output    where the packages go (default dist/packages)`;

const say = (line) => process.stderr.write(`${line}\n`);
const stop = (line) => {
  say(line);
  process.exit(1);
};

function parse(args) {
  const request = { system: undefined, targets: [], stub: false, build: 'all', output: join(root, 'dist/packages') };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i];
    if (argument in SYSTEMS && request.system === undefined) request.system = SYSTEMS[argument];
    else if (argument === '--stub') request.stub = true;
    else if (argument === '--no-build') request.build = 'none';
    else if (argument === '--build-missing') request.build = 'missing';
    else if (argument === '--output' && args[i + 1]) request.output = args[++i];
    else if (request.system && /^[a-z]+$/.test(argument)) request.targets.push(argument);
    else stop(HELP);
  }
  if (!request.system) stop(HELP);
  return request;
}

/** The folder of a real Electron for this machine's own system, or undefined. */
function realRuntime(system) {
  if (HOSTS[process.platform] !== system) return undefined;
  const program = { linux: 'electron', win: 'electron.exe', mac: 'Electron.app' }[system];
  const places = [process.env.ELECTRON_OVERRIDE_DIST_PATH, join(root, 'node_modules/electron/dist')];
  return places.find((place) => place && existsSync(join(place, program)));
}

function run(what, script, args, env = {}) {
  const result = spawnSync(findNode(), [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (result.status !== 0) stop(`${what} failed.`);
}

const PARTS = ['dist/main', 'dist/preload', 'dist/renderer', 'dist/agent'];
const there = (part) => existsSync(join(root, part));

/** The app, where its sources have changed (build/desktop.ts), and the command line with its own Node. */
function buildParts(which) {
  if (which === 'none') return;
  run('Building the app', 'build/desktop.ts', []);
  if (which === 'all' || !there('dist/agent')) run('Building the command line', 'build/buildAgent.ts', []);
}

/** What the command line says of itself, as files that the deb and the rpm install. */
function writeCommandFiles() {
  const folder = join(root, '.work/package');
  mkdirSync(folder, { recursive: true });
  const print = (...args) => {
    const printed = spawnSync(findNode(), [join(root, 'dist/agent/lib/muster.mjs'), ...args]);
    if (printed.status !== 0) stop(`muster ${args.join(' ')} failed: ${printed.stderr}`);
    return printed.stdout;
  };
  writeFileSync(join(folder, 'muster.1.gz'), gzipSync(print('man'), { level: 9 }));
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(join(folder, `muster.${shell}`), print('completion', shell));
}

function checkParts() {
  const missing = PARTS.filter((part) => !there(part));
  if (missing.length > 0) stop(`Nothing to pack: ${missing.join(', ')} not there. Run it without --no-build.`);
}

function environment(system) {
  const env = {
    // fpm is a download; its work is done by dpkg-deb and rpmbuild.
    CUSTOM_FPM_PATH: join(root, 'build/fpmShim.mjs'),
    // The shim's first line looks for node.
    PATH: [dirname(findNode()), process.env.PATH].join(delimiter),
  };
  const sevenZip = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, '7za'))
    .find(existsSync);
  if (sevenZip) env.ELECTRON_BUILDER_7ZIP_PATH = sevenZip;
  if (system === 'linux' && process.platform !== 'linux') delete env.CUSTOM_FPM_PATH;
  // Without a certificate electron-builder would search the keychain.
  if (!process.env.CSC_LINK && !process.env.CSC_NAME) env.CSC_IDENTITY_AUTO_DISCOVERY = 'false';
  return env;
}

function overrides({ system, stub, output }, runtime) {
  const signed = Boolean(process.env.CSC_LINK ?? process.env.CSC_NAME);
  const unsignedMac = system === 'mac' && !signed ? ['-c.mac.notarize=false'] : [];
  const adHoc = unsignedMac.length > 0 && process.platform === 'darwin' && !stub;
  if (!stub) {
    return [
      `-c.electronDist=${runtime}`,
      `-c.directories.output=${output}`,
      ...unsignedMac,
      ...(adHoc ? ['-c.electronFuses.resetAdHocDarwinSignature=true'] : []),
    ];
  }
  const work = join(root, '.work/stub-runtime');
  mkdirSync(work, { recursive: true });
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8'));
  return [
    `-c.electronDist=${makeStubRuntime(work, system, version)}`,
    '-c.afterPack=build/stub/afterPack.mjs',
    `-c.directories.output=${output}`,
    `-c.artifactName=\${name}-\${version}-\${arch}.${STUB_SUFFIX}.\${ext}`,
    ...unsignedMac,
  ];
}

const request = parse(process.argv.slice(2));
ensurePackages();
const unmet = ensureSystem(forPackaging(request.system, request.targets));
if (unmet.length > 0) stop(`Packaging needs ${unmet.join(', ')}.`);
buildParts(request.build);
checkParts();
if (request.system === 'linux') writeCommandFiles();

const runtime = request.stub ? undefined : realRuntime(request.system);
const stub = runtime === undefined;
if (stub) {
  say(
    `${request.stub ? 'As asked' : 'The Electron runtime for this system is not installed'}: packing a ${STUB_NOTE}.`,
  );
  request.output = join(request.output, STUB_SUFFIX);
}
rmSync(join(request.output, `${request.system === 'mac' ? 'mac' : `${request.system}-unpacked`}`), {
  recursive: true,
  force: true,
});
run(
  'Packing',
  'node_modules/electron-builder/cli.js',
  [`--${request.system}`, ...request.targets, '--publish', 'never', ...overrides({ ...request, stub }, runtime)],
  environment(request.system),
);
say(`The packages are in ${request.output}.${stub ? ` Their runtime is a stub: ${STUB_NOTE}.` : ''}`);
