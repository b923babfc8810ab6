import { createHmac, randomBytes } from 'node:crypto';

/** Fields whose whole value names a machine or a person. */
const NAMING = new Set([
  'hostName',
  'serial',
  'hardwareUuid',
  'provisioningUdid',
  'permanentIdentifier',
  'name',
  'email',
  'displayName',
  'owner',
  'ceremonyCode',
  'deviceId',
]);

/** Fields that say how such a value was read, or why there is none. */
const TELLING = new Set(['unavailable', 'why', 'readBy']);

/** Patterns that name a machine or a person wherever they stand in a text. */
const PATTERNS = [
  /urn:ek:sha256:[A-Za-z0-9+/]{43}=/g,
  /\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b/g,
  /\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/g,
  /\bmuster_[a-z]+_[A-Za-z0-9_-]{8,}/g,
  /(?<=\/(?:home|Users)\/)[^/\s"]+/g,
  /(?<=C:\\Users\\)[^\\\s"]+/gi,
];

/**
 * The same value with everything that names a machine or a person replaced by a tag. Equal values get equal tags within
 * one call and unrelated ones in the next: the key of the hash is thrown away.
 */
export function redact(value: unknown, key: Uint8Array = randomBytes(32)): unknown {
  const tag = (text: string) => `[redacted ${createHmac('sha256', key).update(text).digest('hex').slice(0, 8)}]`;
  const known = new Set<string>();
  collect(value, false, known);
  const walk = (item: unknown, naming: boolean, field: string): unknown => {
    if (typeof item === 'string') {
      if (naming && item !== '' && !TELLING.has(field)) return tag(item);
      let text = item;
      for (const name of [...known].sort((a, b) => b.length - a.length)) text = text.replaceAll(name, tag(name));
      return PATTERNS.reduce((done, pattern) => done.replace(pattern, tag), text);
    }
    if (Array.isArray(item)) return item.map((entry) => walk(entry, naming, field));
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(
      Object.entries(item).map(([name, entry]) => [
        name,
        walk(entry, (naming && !TELLING.has(name)) || NAMING.has(name), name),
      ]),
    );
  };
  return walk(value, false, '');
}

/** The values of naming fields, so that they are found inside other texts too (a serial in an error message). */
function collect(item: unknown, naming: boolean, known: Set<string>): void {
  if (typeof item === 'string') {
    if (naming && item.length >= 5) known.add(item);
  } else if (Array.isArray(item)) {
    for (const entry of item) collect(entry, naming, known);
  } else if (typeof item === 'object' && item !== null) {
    for (const [name, entry] of Object.entries(item)) {
      if (!TELLING.has(name)) collect(entry, naming || NAMING.has(name), known);
    }
  }
}
