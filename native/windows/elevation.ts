import { NativeError } from '../errors.ts';
import { callAsync, type Ffi, type Pointer } from '../tpm/ffi.ts';
import { systemFolder } from '../tpm/tbs.ts';
import { wide } from './wideText.ts';

const CANCELLED = 1223;
const INFINITE = 0xffffffff;
/** SHELLEXECUTEINFOW on 64-bit Windows: its size, and where its fields lie (shellapi.h). */
const INFO_SIZE = 112;
const AT = { size: 0, mask: 4, verb: 16, file: 24, parameters: 32, show: 48, process: 104 } as const;
/** SEE_MASK_NOCLOSEPROCESS | SEE_MASK_NOASYNC | SEE_MASK_FLAG_NO_UI: faults are told here, not in a box of the shell's. */
const MASK = 0x40 | 0x100 | 0x400;

/** True where this process has administrator rights already. */
export function isElevated(ffi: Ffi): boolean {
  const shell = ffi.load(`${systemFolder(ffi)}\\shell32.dll`);
  return shell.func('int __stdcall IsUserAnAdmin()')() !== 0;
}

/**
 * Starts a program with administrator rights, for which Windows asks the person, and waits for its exit code. Errors:
 * `elevation-refused` when the person says no.
 */
export async function runElevated(ffi: Ffi, program: { file: string; args: readonly string[] }): Promise<number> {
  const system = systemFolder(ffi);
  const kernel = ffi.load('kernel32.dll');
  const execute = ffi.load(`${system}\\shell32.dll`).func('int __stdcall ShellExecuteExW(void *info)');
  const lastError = kernel.func('uint32_t __stdcall GetLastError()');
  const wait = kernel.func('uint32_t __stdcall WaitForSingleObject(void *handle, uint32_t ms)');
  const exitCode = kernel.func('int __stdcall GetExitCodeProcess(void *handle, void *code)');
  const close = kernel.func('int __stdcall CloseHandle(void *handle)');

  const texts = ['runas', program.file, program.args.map(quoted).join(' ')].map((text) => wide(ffi, text));
  const [verb, file, parameters] = texts;
  const info = ffi.alloc('uint8_t', INFO_SIZE);
  const code = ffi.alloc('uint32_t', 1);
  try {
    ffi.encode(info, 'uint8_t', infoBytes(verb, file, parameters), INFO_SIZE);
    if (execute(info) === 0) {
      const error = lastError() >>> 0;
      if (error === CANCELLED) {
        throw new NativeError(
          'elevation-refused',
          'Administrator rights were not given, so this device cannot prove its TPM.',
        );
      }
      throw new NativeError(
        'elevation-needed',
        `Windows could not start Muster with administrator rights (error ${error}).`,
      );
    }
    const after = ffi.decode(info, 0, 'uint8_t', INFO_SIZE) as Uint8Array;
    const handle = new DataView(after.buffer, after.byteOffset).getBigUint64(AT.process, true);
    await callAsync(wait, handle, INFINITE);
    exitCode(handle, code);
    close(handle);
    return Number(ffi.decode(code, 0, 'uint32_t'));
  } finally {
    for (const pointer of [...texts, info, code]) ffi.free(pointer);
  }
}

function infoBytes(verb: Pointer | undefined, file: Pointer | undefined, parameters: Pointer | undefined): Uint8Array {
  const view = new DataView(new ArrayBuffer(INFO_SIZE));
  view.setUint32(AT.size, INFO_SIZE, true);
  view.setUint32(AT.mask, MASK, true);
  view.setBigUint64(AT.verb, verb ?? 0n, true);
  view.setBigUint64(AT.file, file ?? 0n, true);
  view.setBigUint64(AT.parameters, parameters ?? 0n, true);
  view.setInt32(AT.show, 0, true);
  return new Uint8Array(view.buffer);
}

/** One argument as CommandLineToArgvW reads it: backslashes count only in front of a quote. */
export function quoted(argument: string): string {
  if (/^[\w\\:.+=/-]+$/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}
