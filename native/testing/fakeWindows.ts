import type { CodeFunction, Ffi, Library, Pointer } from '../tpm/ffi.ts';

type Call = { name: string; args: unknown[] };
/** A C function in JavaScript: `memory` reads and writes what pointers point to. */
export type FakeFunction = (args: unknown[], memory: FakeMemory) => number | Promise<number> | Pointer | null;

export type FakeMemory = {
  bytes(pointer: Pointer, length: number): Uint8Array;
  set(pointer: Pointer, bytes: Uint8Array): void;
  readonly leaked: () => number;
};

const SIZES: Record<string, number> = { uint8_t: 1, uint32_t: 4, size_t: 8 };

/**
 * An FFI over JavaScript functions instead of DLLs: pointers are numbers into a map of buffers, and everything that is
 * loaded or called is recorded.
 */
export function createFakeFfi(functions: ReadonlyMap<string, FakeFunction>): {
  ffi: Ffi;
  calls: Call[];
  loaded: string[];
  memory: FakeMemory;
} {
  const calls: Call[] = [];
  const loaded: string[] = [];
  const blocks = new Map<Pointer, Uint8Array>();
  let next = 0x1000n;
  const block = (pointer: Pointer) => {
    const found = blocks.get(pointer);
    if (!found) throw new Error(`A pointer to nothing was used: ${pointer}`);
    return found;
  };
  const memory: FakeMemory = {
    bytes: (pointer, length) => block(pointer).slice(0, length),
    set: (pointer, bytes) => block(pointer).set(bytes),
    leaked: () => blocks.size,
  };
  const func = (prototype: string): CodeFunction => {
    const name = /(\w+)\s*\(/.exec(prototype)?.[1] ?? '';
    const body = functions.get(name);
    if (!body) throw new Error(`The DLL has no ${name}.`);
    const record = (args: unknown[]) => void calls.push({ name, args });
    const call = (...args: unknown[]) => {
      record(args);
      const result = body(args, memory);
      if (result instanceof Promise) throw new Error(`${name} was called synchronously.`);
      // A function that returns a pointer is called through a type of its own.
      return result as number;
    };
    return Object.assign(call, {
      async(...all: unknown[]) {
        const done = all.pop() as (error: Error | null, result: number) => void;
        record(all);
        Promise.resolve(body(all, memory)).then(
          (result) => done(null, Number(result)),
          (error: Error) => done(error, 0),
        );
      },
    });
  };
  const ffi: Ffi = {
    load(path): Library {
      loaded.push(String(path));
      return { func };
    },
    alloc(type, length) {
      const pointer = next;
      next += 0x10000n;
      blocks.set(pointer, new Uint8Array((SIZES[type] ?? 8) * length));
      return pointer;
    },
    free: (pointer) => void (blocks.delete(pointer) || block(pointer)),
    encode(pointer, type, value) {
      const values = Array.isArray(value) || value instanceof Uint8Array ? [...value] : [value];
      const size = SIZES[type] ?? 8;
      const view = new DataView(block(pointer).buffer);
      for (const [at, item] of values.entries()) {
        if (size === 1) view.setUint8(at, Number(item));
        else view.setUint32(at * size, Number(item), true);
      }
    },
    decode(pointer, offset, type, length) {
      const bytes = block(pointer);
      if (length !== undefined) return bytes.slice(offset, offset + length);
      const view = new DataView(bytes.buffer);
      if (type === 'void *') return view.getBigUint64(offset, true) || null;
      if (type === 'uint32_t' || type === 'size_t') return view.getUint32(offset, true);
      throw new Error(`decode of ${String(type)}`);
    },
    proto: () => undefined,
  };
  return { ffi, calls, loaded, memory };
}

/** kernel32's GetSystemDirectoryW for C:\Windows\System32. */
export const getSystemDirectory: FakeFunction = ([buffer, size], memory) => {
  const path = 'C:\\Windows\\System32';
  if (Number(size) <= path.length) return path.length + 1;
  const bytes = new Uint8Array(path.length * 2);
  for (let at = 0; at < path.length; at += 1) bytes[at * 2] = path.charCodeAt(at);
  memory.set(buffer as Pointer, bytes);
  return path.length;
};
