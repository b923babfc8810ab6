import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { NO_NODE, PACKAGE_ROOMS, ROOMS, type Room, TYPE_ROOMS } from './rooms.ts';

const IMPORT =
  /\b(import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

export type Breach = { file: string; imports: string; why: string };

/** Says what one file of a room may not import; `text` is the file's source. */
export function breachesOf(file: string, text: string, root: string): Breach[] {
  const room = roomOf(file, root);
  if (!room || /\.test\.tsx?$/.test(file)) return [];
  const found: Breach[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[3] ?? match[4] ?? '';
    const why = refusal(room, file, specifier, Boolean(match[2]), root);
    if (why) found.push({ file: relative(root, file), imports: specifier, why });
  }
  return found;
}

function refusal(room: Room, file: string, specifier: string, typeOnly: boolean, root: string): string | undefined {
  if (specifier.startsWith('node:')) {
    return NO_NODE.includes(room) && !typeOnly ? `${room}/ runs in a browser too: no Node built-ins` : undefined;
  }
  if (!specifier.startsWith('.')) {
    const name = specifier.startsWith('@')
      ? specifier.split('/').slice(0, 2).join('/')
      : (specifier.split('/')[0] ?? '');
    const rooms = PACKAGE_ROOMS[name];
    if (!rooms || rooms.includes(room) || room === 'tests' || typeOnly) return undefined;
    return `${name} belongs to ${rooms.join(', ')}`;
  }
  const target = roomOf(resolve(dirname(file), specifier), root);
  if (!target || target === room) return undefined;
  const allowed: readonly string[] = ROOMS[room];
  if (allowed.includes(target)) return undefined;
  if (typeOnly && TYPE_ROOMS[room]?.includes(target)) return undefined;
  return `${room}/ may import ${allowed.join(', ') || 'no other room'}, not ${target}/`;
}

function roomOf(file: string, root: string): Room | undefined {
  const first = relative(root, file).split(sep)[0] ?? '';
  return first in ROOMS ? (first as Room) : undefined;
}

/**
 * The imports that close a circle at run time: which file of it runs first depends on who asks first. `sources` maps a file to its source.
 * Types leave nothing at run time, and `import()` comes when both files have run.
 */
export function circlesOf(sources: ReadonlyMap<string, string>, root: string): Breach[] {
  const found: Breach[] = [];
  const path: string[] = [];
  const done = new Set<string>();
  const follow = (file: string): void => {
    if (done.has(file)) return;
    path.push(file);
    for (const [, , typeOnly, specifier] of sources.get(file)?.matchAll(IMPORT) ?? []) {
      if (typeOnly || !specifier?.startsWith('.')) continue;
      const target = resolve(dirname(file), specifier);
      const from = path.indexOf(target);
      if (from === -1) follow(target);
      else found.push({ file: relative(root, file), imports: specifier, why: circle(path.slice(from), root) });
    }
    path.pop();
    done.add(file);
  };
  for (const file of sources.keys()) follow(file);
  return found;
}

const circle = (files: string[], root: string): string =>
  `a circle at run time (${files.map((file) => relative(root, file)).join(', ')}): move what both need to a file of its own`;

/** Checks every source file of every room. */
export function checkBoundaries(root: string): Breach[] {
  const pattern = `{${Object.keys(ROOMS).join(',')}}/**/*.{ts,tsx,mts,mjs}`;
  const names = globSync(pattern, { cwd: root, exclude: (name) => name.endsWith('node_modules') });
  const sources = new Map(names.map((name) => [resolve(root, name), readFileSync(resolve(root, name), 'utf8')]));
  return [...[...sources].flatMap(([file, text]) => breachesOf(file, text, root)), ...circlesOf(sources, root)];
}
