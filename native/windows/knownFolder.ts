import { NativeError } from '../errors.ts';
import type { Ffi, Pointer } from '../tpm/ffi.ts';
import { systemFolder } from '../tpm/tbs.ts';
import { readWide } from './wideText.ts';

/** FOLDERIDs (MicrosoftDocs/win32: knownfolderid). */
const FOLDERS = {
  programFiles: '905e63b6-c1bf-494e-b29c-65b732d3d21a',
  localAppData: 'f1b32785-6fba-4fcf-9d55-7b8e7f157091',
} as const;

/** shell32.dll and ole32.dll: the declarations that Muster uses (MicrosoftDocs/sdk-api: shlobj_core.h, combaseapi.h). */
export const KNOWN_FOLDER_PROTOTYPES = {
  get: 'uint32_t __stdcall SHGetKnownFolderPath(const void *folder, uint32_t flags, void *token, _Out_ void **path)',
  free: 'void __stdcall CoTaskMemFree(void *memory)',
} as const;

/**
 * The path of a folder as Windows itself knows it. The environment's %ProgramFiles% and %LOCALAPPDATA% are what whoever
 * started this process says they are. Throws `platform-unsupported` where Windows names none.
 */
export function knownFolder(ffi: Ffi, name: keyof typeof FOLDERS): string {
  const system = systemFolder(ffi);
  const get = ffi.load(`${system}\\shell32.dll`).func(KNOWN_FOLDER_PROTOTYPES.get);
  const free = ffi.load(`${system}\\ole32.dll`).func(KNOWN_FOLDER_PROTOTYPES.free);
  const id = ffi.alloc('uint8_t', 16);
  const path: [Pointer | null] = [null];
  try {
    ffi.encode(id, 'uint8_t', guidBytes(FOLDERS[name]), 16);
    const result = get(id, 0, null, path);
    const text = result === 0 && path[0] !== null ? readWide(ffi, path[0]) : '';
    if (text !== '') return text;
    throw new NativeError('platform-unsupported', 'Windows did not name one of its own folders.', {
      responseCode: result >>> 0,
    });
  } finally {
    // Given back also after a failure (shlobj_core.h).
    if (path[0] !== null) free(path[0]);
    ffi.free(id);
  }
}

/** A GUID in memory: the first three fields are little-endian. */
export function guidBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (at) => bytes[at] ?? 0);
}
