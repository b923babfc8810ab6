import { createReader, type Reader } from './bytes.ts';
import { refuse } from './error.ts';

/** What attestation objects are made of. Integers are numbers; keys of maps are texts (or integers as their decimal text with `#` in front). */
export type CborValue = number | string | Uint8Array | boolean | null | CborValue[] | CborMap;
/** A CBOR map in the order of its keys; an integer key n stands as the text `#n`. */
export type CborMap = Map<string, CborValue>;

const MAX_DEPTH = 8;
const MAX_ITEMS = 1_024;
const MAX_BYTES = 65_536;

/**
 * Decodes one CBOR item that fills `bytes` (RFC 8949), strictly: definite lengths in their shortest form, no duplicate keys, no tags, no floating
 * point, UTF-8 texts, at most 64 KiB, depth 8 and 1024 items. Map keys need not be sorted: Apple's and Microsoft's encoders do not agree on an order.
 * Errors: `cbor-malformed`, `too-large`.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  if (bytes.length > MAX_BYTES)
    refuse('too-large', `An attestation object of ${bytes.length} bytes is larger than any real one.`);
  const state: State = { reader: createReader(bytes, 'CBOR'), items: 0 };
  const value = readItem(state, 0);
  if (state.reader.remaining() > 0) malformed('it is followed by bytes that do not belong to it');
  return value;
}

type State = { reader: Reader; items: number };

function readItem(state: State, depth: number): CborValue {
  if (depth > MAX_DEPTH) malformed('it is nested too deeply');
  state.items += 1;
  if (state.items > MAX_ITEMS) malformed('it holds too many items');
  const initial = take(state, 1)[0] ?? 0;
  const major = initial >> 5;
  if (major === 7) return readSimple(initial & 31);
  const argument = readArgument(state, initial & 31);
  switch (major) {
    case 0:
      return argument;
    case 1:
      return -1 - argument;
    case 2:
      return take(state, argument);
    case 3:
      return readText(take(state, argument));
    case 4:
      return readArray(state, argument, depth);
    case 5:
      return readMap(state, argument, depth);
    default:
      return malformed('it holds a tag, which attestation objects do not have');
  }
}

function readArgument(state: State, info: number): number {
  if (info < 24) return info;
  if (info > 27) return malformed('it holds an indefinite or reserved length');
  const size = 1 << (info - 24);
  let value = 0;
  for (const byte of take(state, size)) value = value * 256 + byte;
  const least = size === 1 ? 24 : 256 ** (size / 2);
  if (value < least) malformed('a number is not encoded in its shortest form');
  if (value > Number.MAX_SAFE_INTEGER) malformed('a number is too large');
  return value;
}

function readSimple(info: number): CborValue {
  if (info === 20) return false;
  if (info === 21) return true;
  if (info === 22) return null;
  return malformed('it holds a floating-point or reserved value');
}

function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return malformed('a text is not UTF-8');
  }
}

function readArray(state: State, length: number, depth: number): CborValue[] {
  const items: CborValue[] = [];
  for (let i = 0; i < length; i += 1) items.push(readItem(state, depth + 1));
  return items;
}

function readMap(state: State, length: number, depth: number): CborMap {
  const map: CborMap = new Map();
  for (let i = 0; i < length; i += 1) {
    const raw = readItem(state, depth + 1);
    if (typeof raw !== 'string' && typeof raw !== 'number') malformed('a key of a map is neither text nor integer');
    const key = typeof raw === 'number' ? `#${raw}` : String(raw);
    if (map.has(key)) malformed(`the key ${JSON.stringify(key.slice(0, 32))} occurs twice`);
    map.set(key, readItem(state, depth + 1));
  }
  return map;
}

function take(state: State, size: number): Uint8Array {
  if (size > state.reader.remaining()) malformed('it ends too early');
  return state.reader.take(size);
}

function malformed(why: string): never {
  return refuse('cbor-malformed', `The CBOR data are malformed: ${why}.`);
}

/** The CBOR of a value, in the form that {@link decodeCbor} accepts: what tests and clients send. */
export function encodeCbor(value: CborValue): Uint8Array {
  const parts: Uint8Array[] = [];
  write(parts, value);
  return new Uint8Array(Buffer.concat(parts));
}

function write(parts: Uint8Array[], value: CborValue): void {
  if (value === null) parts.push(new Uint8Array([0xf6]));
  else if (typeof value === 'boolean') parts.push(new Uint8Array([value ? 0xf5 : 0xf4]));
  else if (typeof value === 'number') parts.push(value < 0 ? head(1, -1 - value) : head(0, value));
  else if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value);
    parts.push(head(3, bytes.length), bytes);
  } else if (value instanceof Uint8Array) parts.push(head(2, value.length), value);
  else if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const item of value) write(parts, item);
  } else {
    parts.push(head(5, value.size));
    for (const [key, item] of value) {
      write(parts, /^#(0|-?[1-9]\d*)$/.test(key) ? Number(key.slice(1)) : key);
      write(parts, item);
    }
  }
}

function head(major: number, argument: number): Uint8Array {
  if (!Number.isSafeInteger(argument)) return refuse('bad-argument', 'CBOR here holds whole numbers of up to 53 bits.');
  if (argument < 24) return new Uint8Array([(major << 5) | argument]);
  const size = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = (major << 5) | (24 + Math.log2(size));
  let left = argument;
  for (let i = size; i > 0; i -= 1) {
    bytes[i] = left % 256;
    left = Math.floor(left / 256);
  }
  return bytes;
}
