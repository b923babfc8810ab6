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

/** Checks every source file of every room. */
export function checkBoundaries(root: string): Breach[] {
  const pattern = `{${Object.keys(ROOMS).join(',')}}/**/*.{ts,tsx,mts,mjs}`;
  return globSync(pattern, { cwd: root, exclude: (name) => name.endsWith('node_modules') }).flatMap((name) => {
    const file = resolve(root, name);
    return breachesOf(file, readFileSync(file, 'utf8'), root);
  });
}
