/**
 * `npm run build:agent`: dist/agent/muster, the command as it will be installed. A folder with the bundled code, the Node
 * that runs it and koffi's library; nothing is looked up outside of it. A test names another folder.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = resolve(process.argv[2] ?? join(root, 'dist/agent'));
const lib = join(target, 'lib');

async function bundle(): Promise<void> {
  const build = await rolldown({
    input: { muster: join(root, 'agent/installed.ts'), pipeChild: join(root, 'native/tpm/pipeChild.ts') },
    platform: 'node',
    cwd: root,
    logLevel: 'warn',
    // The server's dependencies bring an eval of their own (depd); nothing else is let through in silence.
    checks: { eval: false },
    // koffi.node lies beside the bundle; its own JavaScript looks for it in node_modules.
    external: [/\.node$/],
    // Its modules only declare schemas: each chunk carries those that it uses, and a watch does not keep the server's.
    treeshake: { moduleSideEffects: [{ test: /[\\/]contract[\\/]\w+\.ts$/, sideEffects: false }] },
  });
  await build.write({
    dir: lib,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    minify: true,
  });
  await build.close();
}

function copyRuntime(): void {
  const windows = process.platform === 'win32';
  const binary = join(lib, windows ? 'node.exe' : 'node');
  copyFileSync(process.execPath, binary);
  chmodSync(binary, 0o755);
  const [os, abi] = [process.platform, process.arch];
  const koffi = join(root, `node_modules/@koromix/koffi-${os}-${abi}/${os}_${abi}/koffi.node`);
  if (!existsSync(koffi)) throw new Error(`koffi has no binary for ${os}-${abi}.`);
  copyFileSync(koffi, join(lib, 'koffi.node'));
}

/** The helper that holds a Mac's claim key: built where there is a Swift compiler, and signed with the app. */
function buildClaimKey(): void {
  if (process.platform !== 'darwin') return;
  const built = spawnSync('/bin/sh', [join(root, 'native/macos/build.sh'), join(lib, 'muster-claim-key')], {
    encoding: 'utf8',
  });
  if (built.status !== 0)
    console.warn(`muster-claim-key was not built, so claims are signed by a key in a file: ${built.stderr}`);
}

/**
 * A watch and the TPM service run for weeks and compute nothing: small spaces and no optimizing compilers are some 9 MB less
 * of them. Not for other commands: Node's own code was compiled for V8 without these, and is compiled again with them, which
 * takes longer than `tpm --fingerprint` itself. Not --lite-mode or --jitless, which leave `fetch` without its parser.
 */
const SMALL = '--max-semi-space-size=1 --optimize-for-size --no-opt --no-maglev';

/** A launcher that becomes Node (exec), so that there is no second process and no second start. */
function writeLauncher(): void {
  if (process.platform === 'win32') {
    const lines = [
      '@setlocal',
      '@set "small="',
      `@if "%~1"=="service" set "small=${SMALL}"`,
      `@for %%a in (%*) do @if "%%~a"=="--watch" set "small=${SMALL}"`,
      '@"%~dp0lib\\node.exe" %small% "%~dp0lib\\muster.mjs" %*',
    ];
    writeFileSync(join(target, 'muster.cmd'), `${lines.join('\r\n')}\r\n`);
    return;
  }
  const script = `#!/bin/sh
case $0 in */*) here=\${0%/*} ;; *) here=$(dirname "$(command -v -- "$0")") ;; esac
if [ -L "$0" ]; then here=$(dirname "$(readlink -f -- "$0")"); fi
unset NODE_OPTIONS NODE_PATH
case " $* " in " service "* | *" --watch "*) exec "$here/lib/node" ${SMALL} "$here/lib/muster.mjs" "$@" ;; esac
exec "$here/lib/node" "$here/lib/muster.mjs" "$@"
`;
  writeFileSync(join(target, 'muster'), script, { mode: 0o755 });
}

rmSync(target, { recursive: true, force: true });
mkdirSync(lib, { recursive: true });
await bundle();
copyRuntime();
buildClaimKey();
writeLauncher();
const command = join(target, process.platform === 'win32' ? 'muster.cmd' : 'muster');
const check = spawnSync(command, ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' });
if (check.status !== 0) throw new Error(`The built command does not start: ${check.error?.message ?? check.stderr}`);
console.log(`${command}: ${check.stdout.trim()}`);
