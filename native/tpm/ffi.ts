import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { NativeError } from '../errors.ts';

/** A pointer of koffi 3: a BigInt without a type. A wrong one crashes the process instead of throwing. */
export type Pointer = bigint;

type Callback = (error: Error | null, result: number) => void;

/** A C function that answers a 32-bit code; `async` runs it on a worker thread of libuv. */
export type CodeFunction = {
  (...args: unknown[]): number;
  async(...args: [...unknown[], Callback]): void;
};

export type Library = { func(prototype: string): CodeFunction };

/** The part of koffi that this room uses, so that a test can stand in for a library that exists on Windows only. */
export type Ffi = {
  load(path: string | null): Library;
  alloc(type: string, length: number): Pointer;
  free(pointer: Pointer): void;
  encode(pointer: Pointer, type: string, value: unknown, length?: number): void;
  decode(pointer: Pointer, offset: number, type: unknown, length?: number): unknown;
  proto(definition: string): unknown;
};

// Not named `require`: electron-vite puts one of its own into each bundled module that mentions it.
const load = createRequire(import.meta.url);

/** Loads koffi when it is first needed: it costs milliseconds that `--help` should not pay. */
export function loadFfi(): Ffi {
  try {
    // The installed command has koffi's binary beside its own code; a checkout has the package.
    const beside = fileURLToPath(new URL('./koffi.node', import.meta.url));
    return load(existsSync(beside) ? beside : 'koffi') as Ffi;
  } catch (cause) {
    throw new NativeError(
      'tpm-library-missing',
      'The part of Muster that reaches the TPM is not installed for this platform.',
      {
        advice: 'Install Muster again with its optional packages (npm install --include=optional).',
        cause,
      },
    );
  }
}

/** Memory of koffi's own: unlike a Buffer, it stays where it is while an asynchronous call runs. */
export type Memory = {
  readonly pointer: Pointer;
  write(bytes: Uint8Array): void;
  read(length: number): Uint8Array;
  free(): void;
};

export function allocate(ffi: Ffi, size: number): Memory {
  const pointer = ffi.alloc('uint8_t', size);
  return {
    pointer,
    write(bytes) {
      if (bytes.length > size) throw new RangeError(`${bytes.length} bytes do not fit into ${size}.`);
      ffi.encode(pointer, 'uint8_t', bytes, bytes.length);
    },
    read(length) {
      if (length > size) throw new RangeError(`${length} bytes are more than the ${size} there are.`);
      return new Uint8Array(ffi.decode(pointer, 0, 'uint8_t', length) as Uint8Array);
    },
    free: () => ffi.free(pointer),
  };
}

/** Calls `call` on a worker thread; resolves with its return code. */
export function callAsync(call: CodeFunction, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error, result) => (error ? reject(error) : resolve(result >>> 0)));
  });
}

/**
 * Ends this process at once with `code`, also while a native call is blocked: process.exit() would wait for libuv's
 * worker threads for ever. Handlers do not run; write out everything first.
 */
export function exitNow(code: number): never {
  const ffi = loadFfi();
  if (process.platform === 'win32') ffi.load('kernel32.dll').func('void __stdcall ExitProcess(uint32_t code)')(code);
  else ffi.load(null).func('void _exit(int code)')(code);
  throw new Error('unreachable');
}
