import type { Ffi, Pointer } from '../tpm/ffi.ts';

/** UTF-16 with a final zero, in koffi's memory, which the caller frees. */
export function wide(ffi: Ffi, text: string): Pointer {
  const bytes = Buffer.from(`${text}\0`, 'utf16le');
  const pointer = ffi.alloc('uint8_t', bytes.length);
  ffi.encode(pointer, 'uint8_t', new Uint8Array(bytes), bytes.length);
  return pointer;
}

/** The zero-terminated UTF-16 text at a pointer that Windows gave. */
export function readWide(ffi: Ffi, pointer: Pointer): string {
  // kernel32 is a KnownDLL, so its bare name cannot be planted in an application folder.
  const length = ffi.load('kernel32.dll').func('int __stdcall lstrlenW(void *text)')(pointer);
  if (length <= 0) return '';
  return Buffer.from(ffi.decode(pointer, 0, 'uint8_t', length * 2) as Uint8Array).toString('utf16le');
}
