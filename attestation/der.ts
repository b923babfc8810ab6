import { type AttestationErrorCode, refuse } from './error.ts';

/** One TLV of DER (X.690). `tag` is the identifier octet; offsets are into `source`. */
export type DerNode = { source: Uint8Array; tag: number; start: number; content: number; end: number };

/**
 * How strictly to read. With `irregular`, deviations from DER that real certificates show are reported there instead of
 * refused: non-minimal lengths and integers, explicitly encoded defaults. Indefinite lengths are always refused.
 */
export type DerMode = { code: AttestationErrorCode; irregular?: (what: string) => void };

/** Universal tags of X.690, constructed where DER has them so. */
export const DER = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8: 0x0c,
  SEQUENCE: 0x30,
  SET: 0x31,
  PRINTABLE: 0x13,
  IA5: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
} as const;

/** Reads the TLV at `at`, which must end at or before `limit`. */
export function readDer(source: Uint8Array, at: number, limit: number, mode: DerMode): DerNode {
  if (at + 2 > limit) refuse(mode.code, 'ASN.1 data end in the middle of a value.');
  const tag = source[at] ?? 0;
  if ((tag & 0x1f) === 0x1f) refuse(mode.code, 'ASN.1 data hold a tag number of more than one byte.');
  const first = source[at + 1] ?? 0;
  let content = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0) refuse(mode.code, 'ASN.1 data hold an indefinite length, which DER forbids.');
    if (count > 4 || content + count > limit) refuse(mode.code, 'ASN.1 data hold an impossible length.');
    length = 0;
    for (let i = 0; i < count; i += 1) length = length * 256 + (source[content + i] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1)) deviate(mode, 'a length is not encoded in its shortest form');
    content += count;
  }
  if (length > limit - content) refuse(mode.code, 'ASN.1 data end in the middle of a value.');
  return { source, tag, start: at, content, end: content + length };
}

/** The single TLV that fills `source`; bytes after it are refused. */
export function readWholeDer(source: Uint8Array, mode: DerMode): DerNode {
  const node = readDer(source, 0, source.length, mode);
  if (node.end !== source.length) refuse(mode.code, 'ASN.1 data are followed by bytes that do not belong to them.');
  return node;
}

/** The values inside a constructed value, in order. */
export function childrenOf(node: DerNode, mode: DerMode): DerNode[] {
  const children: DerNode[] = [];
  for (let at = node.content; at < node.end; ) {
    const child = readDer(node.source, at, node.end, mode);
    children.push(child);
    at = child.end;
  }
  return children;
}

/** The node itself when it is there and of that tag; refused with the mode's code otherwise. */
export function expectTag(node: DerNode | undefined, tag: number, what: string, mode: DerMode): DerNode {
  if (node?.tag !== tag) refuse(mode.code, `${what} is missing or of the wrong ASN.1 type.`);
  return node;
}

/** The contents octets of a TLV, as a view. */
export const contentOf = (node: DerNode): Uint8Array => node.source.subarray(node.content, node.end);
/** The whole TLV, as a view. */
export const bytesOf = (node: DerNode): Uint8Array => node.source.subarray(node.start, node.end);

/** Dotted text of an OBJECT IDENTIFIER; arcs beyond 2^53 are refused. */
export function readOid(node: DerNode | undefined, mode: DerMode): string {
  const bytes = contentOf(expectTag(node, DER.OID, 'An object identifier', mode));
  if (bytes.length === 0 || bytes.length > 64 || (bytes[bytes.length - 1] ?? 0) >= 0x80) {
    refuse(mode.code, 'An object identifier is malformed.');
  }
  let text = '';
  let arc = 0;
  let fresh = true;
  for (const byte of bytes) {
    if (fresh && byte === 0x80) refuse(mode.code, 'An object identifier is not encoded in its shortest form.');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) refuse(mode.code, 'An object identifier holds an arc that is too large.');
    fresh = byte < 0x80;
    if (!fresh) continue;
    if (text === '') text = arc < 40 ? `0.${arc}` : arc < 80 ? `1.${arc - 40}` : `2.${arc - 80}`;
    else text += `.${arc}`;
    arc = 0;
  }
  return text;
}

/** The magnitude of a non-negative INTEGER, without its sign byte. */
export function readUnsigned(node: DerNode | undefined, what: string, mode: DerMode): Uint8Array {
  const bytes = contentOf(expectTag(node, DER.INTEGER, what, mode));
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 0) refuse(mode.code, `${what} is an empty integer.`);
  if (first >= 0x80) refuse(mode.code, `${what} is a negative integer.`);
  if (bytes.length > 1 && first === 0 && second < 0x80) deviate(mode, `${what} is not encoded in its shortest form`);
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from += 1;
  return bytes.subarray(from);
}

/** A small non-negative INTEGER as a number. */
export function readSmall(node: DerNode | undefined, what: string, mode: DerMode): number {
  const bytes = readUnsigned(node, what, mode);
  if (bytes.length > 4) refuse(mode.code, `${what} is too large.`);
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** A BOOLEAN; other values than 00 and FF are a deviation, and true. */
export function readBoolean(node: DerNode, mode: DerMode): boolean {
  const bytes = contentOf(expectTag(node, DER.BOOLEAN, 'A boolean', mode));
  if (bytes.length !== 1) refuse(mode.code, 'A boolean is not one byte long.');
  if (bytes[0] !== 0 && bytes[0] !== 0xff) deviate(mode, 'a boolean is neither 00 nor FF');
  return bytes[0] !== 0;
}

/** The bytes of a BIT STRING whose bits fill whole bytes. */
export function readBitString(node: DerNode | undefined, what: string, mode: DerMode): Uint8Array {
  const bytes = contentOf(expectTag(node, DER.BIT_STRING, what, mode));
  if (bytes.length === 0 || bytes[0] !== 0) refuse(mode.code, `${what} is not a string of whole bytes.`);
  return bytes.subarray(1);
}

/** Reports a deviation from DER, or refuses it in strict mode. */
export function deviate(mode: DerMode, what: string): void {
  if (mode.irregular) mode.irregular(what);
  else refuse(mode.code, `ASN.1 data are not DER: ${what}.`);
}

/** The size of a TLV whose contents are so long, in bytes. */
export const derSize = (length: number): number =>
  length + (length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5);

/** Writes a tag and a length at `at`, and says where the contents begin. */
export function putHead(target: Uint8Array, at: number, tag: number, length: number): number {
  const head = derSize(length) - length;
  target[at] = tag;
  target[at + 1] = head === 2 ? length : 0x80 | (head - 2);
  for (let i = at + head - 1, left = length; i > at + 1; i -= 1, left >>>= 8) target[i] = left & 0xff;
  return at + head;
}

/** Encodes one TLV. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const content of contents) length += content.length;
  const encoded = new Uint8Array(derSize(length));
  let at = putHead(encoded, 0, tag, length);
  for (const content of contents) {
    encoded.set(content, at);
    at += content.length;
  }
  return encoded;
}

/** A non-negative INTEGER from its magnitude. */
export function derUnsigned(magnitude: Uint8Array): Uint8Array {
  let from = 0;
  while (from < magnitude.length - 1 && magnitude[from] === 0) from += 1;
  const bare = magnitude.length === 0 ? new Uint8Array(1) : magnitude.subarray(from);
  return (bare[0] ?? 0) >= 0x80 ? der(DER.INTEGER, new Uint8Array(1), bare) : der(DER.INTEGER, bare);
}

/** The TLV of an OBJECT IDENTIFIER from its dotted text. */
export function derOid(dotted: string): Uint8Array {
  const [a = 0, b = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [a * 40 + b, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    bytes.push(...groups);
  }
  return der(DER.OID, new Uint8Array(bytes));
}
