import { timingSafeEqual } from 'node:crypto';
import { type AttestationErrorCode, refuse } from './error.ts';

/** Reads big-endian TPM structures strictly: never past the end, and `end()` refuses what is left over. */
export type Reader = {
  readonly remaining: () => number;
  readonly offset: () => number;
  readonly u8: () => number;
  readonly u16: () => number;
  readonly u32: () => number;
  readonly u64: () => bigint;
  /** The next `size` bytes, as a copy that shares nothing with the input. */
  readonly take: (size: number) => Uint8Array;
  /** A TPM2B: u16 size, then that many bytes; `max` bounds the size. */
  readonly tpm2b: (max?: number) => Uint8Array;
  /** Refuses bytes after the structure (`trailing-bytes`). */
  readonly end: () => void;
};

/** `what` names the structure in refusals ("TPMS_ATTEST"). */
export function createReader(bytes: Uint8Array, what: string): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const step = (size: number): number => {
    if (bytes.length - at < size) {
      refuse('truncated', `${what} ends too early: ${size} bytes expected at offset ${at}, ${bytes.length - at} left.`);
    }
    const from = at;
    at += size;
    return from;
  };
  const u16 = () => view.getUint16(step(2));
  const take = (size: number) => {
    const from = step(size);
    return bytes.slice(from, from + size);
  };
  return {
    remaining: () => bytes.length - at,
    offset: () => at,
    u8: () => view.getUint8(step(1)),
    u16,
    u32: () => view.getUint32(step(4)),
    u64: () => view.getBigUint64(step(8)),
    take,
    tpm2b: (max = 0xffff) => {
      const size = u16();
      if (size > max) refuse('too-large', `${what} holds a field of ${size} bytes where at most ${max} are allowed.`);
      return take(size);
    },
    end: () => {
      if (at !== bytes.length) {
        refuse('trailing-bytes', `${what} is followed by ${bytes.length - at} bytes that do not belong to it.`);
      }
    },
  };
}

/** Writes big-endian TPM structures; every method returns the writer, `finish()` the bytes. */
export type Writer = {
  readonly u8: (value: number) => Writer;
  readonly u16: (value: number) => Writer;
  readonly u32: (value: number) => Writer;
  readonly u64: (value: bigint) => Writer;
  readonly bytes: (value: Uint8Array) => Writer;
  /** A TPM2B: u16 size, then the bytes. */
  readonly tpm2b: (value: Uint8Array) => Writer;
  readonly finish: () => Uint8Array;
};

/** A writer that starts empty. Error of its methods: `bad-argument` for a number that does not fit its field. */
export function createWriter(): Writer {
  let buffer = new Uint8Array(128);
  let view = new DataView(buffer.buffer);
  let size = 0;
  const step = (more: number): number => {
    if (size + more > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, size + more));
      larger.set(buffer.subarray(0, size));
      buffer = larger;
      view = new DataView(buffer.buffer);
    }
    const from = size;
    size += more;
    return from;
  };
  const bounded = (value: number, max: number): number =>
    Number.isInteger(value) && value >= 0 && value <= max
      ? value
      : refuse('bad-argument', `The number ${value} does not fit an unsigned field of at most ${max}.`);
  const writer: Writer = {
    u8(value) {
      const from = step(1);
      view.setUint8(from, bounded(value, 0xff));
      return writer;
    },
    u16(value) {
      const from = step(2);
      view.setUint16(from, bounded(value, 0xffff));
      return writer;
    },
    u32(value) {
      const from = step(4);
      view.setUint32(from, bounded(value, 0xffffffff));
      return writer;
    },
    u64(value) {
      const from = step(8);
      view.setBigUint64(from, value);
      return writer;
    },
    bytes(value) {
      const from = step(value.length);
      buffer.set(value, from);
      return writer;
    },
    tpm2b: (value) => writer.u16(value.length).bytes(value),
    finish: () => buffer.slice(0, size),
  };
  return writer;
}

/** The parts one after another, in new memory. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Constant-time comparison; a different length is simply unequal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Comparison of bytes that everybody may know, such as names and keys: without a call out of JavaScript, in a fraction of the time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Bytes from hexadecimal of either case. Error: `bad-argument`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) refuse('bad-argument', 'This text is not hexadecimal.');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** A big-endian number without its leading zeros (TPMs and DER strip them). */
export function stripZeros(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from += 1;
  return bytes.subarray(from);
}

/** A big-endian number of exactly `size` bytes: zeros put in front, or leading zeros taken off. */
export function padTo(bytes: Uint8Array, size: number, code: AttestationErrorCode, what: string): Uint8Array {
  const bare = stripZeros(bytes);
  if (bare.length > size) refuse(code, `${what} is ${bare.length} bytes long, more than the ${size} of its field.`);
  const padded = new Uint8Array(size);
  padded.set(bare, size - bare.length);
  return padded;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);
