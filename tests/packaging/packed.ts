import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const has = (command: string) => spawnSync(command, ['--version']).error === undefined;

/** Packs one system on a stub runtime into `output`; throws with the builder's own words where it fails. */
export function pack(output: string, ...args: string[]): void {
  const run = spawnSync(
    process.execPath,
    ['build/package.mjs', ...args, '--stub', '--build-missing', '--output', output],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (run.status !== 0) throw new Error(`npm run package -- ${args.join(' ')} failed:\n${run.stdout}\n${run.stderr}`);
}

/** What stands in the way of packing, in words for a skipped test's name; undefined where nothing does. */
export function missing(): string | undefined {
  const tools = ['dpkg-deb', 'makensis'].filter((tool) => spawnSync(tool, ['-VERSION']).error !== undefined);
  return tools.length > 0 ? tools.join(', ') : undefined;
}

type AsarEntry = { files?: Record<string, AsarEntry>; unpacked?: boolean };

/** An ASAR archive's header: a pickle of a pickle, then JSON (electron/asar: README). */
export function readAsar(file: string) {
  const bytes = readFileSync(file);
  const length = bytes.readUInt32LE(12);
  const json = bytes.subarray(16, 16 + length);
  const header = JSON.parse(json.toString('utf8')) as AsarEntry;
  const base = 8 + bytes.readUInt32LE(4);
  const list = (entry: AsarEntry, path: string): { path: string; entry: AsarEntry }[] =>
    entry.files
      ? Object.entries(entry.files).flatMap(([name, inner]) => list(inner, path === '' ? name : `${path}/${name}`))
      : [{ path, entry }];
  const files = list(header, '');
  return {
    /** What Electron compares at start: SHA-256 of the header's JSON. */
    headerHash: createHash('sha256').update(json).digest('hex'),
    paths: files.map(({ path }) => path),
    unpacked: files.filter(({ entry }) => entry.unpacked).map(({ path }) => path),
    read(path: string): Buffer {
      const found = files.find((item) => item.path === path)?.entry as
        | { offset: string; size: number; unpacked?: boolean }
        | undefined;
      if (!found) throw new Error(`${path} is not in the archive.`);
      if (found.unpacked) return readFileSync(join(`${file}.unpacked`, path));
      const start = base + Number(found.offset);
      return bytes.subarray(start, start + found.size);
    },
  };
}

/** A property list as an object, read by a program that is not ours. */
export function readPlist(file: string): Record<string, unknown> {
  const script = 'import json,plistlib,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"))))';
  const run = spawnSync('python3', ['-c', script, file], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

/** electron-builder.yml, read by the parser that electron-builder itself uses. */
export function builderConfig(): Record<string, Record<string, unknown>> {
  const builder = createRequire(createRequire(import.meta.url).resolve('electron-builder/package.json'));
  const yaml = createRequire(builder.resolve('app-builder-lib/package.json'))('js-yaml') as {
    load(text: string): unknown;
  };
  return yaml.load(readFileSync(join(root, 'electron-builder.yml'), 'utf8')) as Record<string, Record<string, unknown>>;
}

export function output(command: string, ...args: string[]): string {
  const run = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${run.error?.message ?? run.stderr}`);
  return run.stdout;
}
