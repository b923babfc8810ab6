import { NativeError, type NativeErrorCode } from '../errors.ts';
import { loadFfi } from './ffi.ts';
import { findLibrary } from './tctiLibrary.ts';

/** Response codes that this room acts on, format-one codes without their position bits (TPM 2.0 part 2, 6.6). */
export const RC = {
  INITIALIZE: 0x100,
  FAILURE: 0x101,
  DISABLED: 0x120,
  AUTH_MISSING: 0x125,
  COMMAND_CODE: 0x143,
  ASYMMETRIC: 0x081,
  ATTRIBUTES: 0x082,
  HASH: 0x083,
  VALUE: 0x084,
  HIERARCHY: 0x085,
  HANDLE: 0x08b,
  SCHEME: 0x092,
  SYMMETRIC: 0x096,
  INTEGRITY: 0x09f,
  BAD_AUTH: 0x0a2,
  CURVE: 0x0a6,
  KEY_SIZE: 0x087,
  TYPE: 0x08a,
  SIZE: 0x095,
  INSUFFICIENT: 0x09a,
  KEY: 0x09c,
  BINDING: 0x0a5,
  ECC_POINT: 0x0a7,
  AUTH_FAIL: 0x08e,
  REFERENCE_H0: 0x910,
  OBJECT_MEMORY: 0x902,
  SESSION_MEMORY: 0x903,
  MEMORY: 0x904,
  SESSION_HANDLES: 0x905,
  YIELDED: 0x908,
  TESTING: 0x90a,
  NV_RATE: 0x920,
  LOCKOUT: 0x921,
  RETRY: 0x922,
  NV_UNAVAILABLE: 0x923,
} as const;

/** The code without the handle, session or parameter number that format-one codes carry. */
export function baseCode(rc: number): number {
  return (rc & 0x80) !== 0 ? rc & 0xbf : rc & 0xfff;
}

/** Layer of the stack that made the code (bits 16-23): 0 is the TPM itself, 0xb and 0xc resource managers. */
function layer(rc: number): number {
  return (rc >>> 16) & 0xff;
}

/** Sent again as they are, with a pause: the TPM did nothing (part 2, table 18). */
export const RESEND: readonly number[] = [RC.RETRY, RC.YIELDED, RC.TESTING, RC.NV_RATE, RC.NV_UNAVAILABLE];
/** An authorization is wrong, or missing. */
export const UNAUTHORIZED: readonly number[] = [RC.BAD_AUTH, RC.AUTH_FAIL, RC.AUTH_MISSING];
/** No such handle or index: HANDLE, VALUE, or a reference to nothing. */
export const ABSENT: readonly number[] = [RC.HANDLE, RC.VALUE, RC.REFERENCE_H0];
export const OUT_OF_SLOTS: readonly number[] = [RC.OBJECT_MEMORY, RC.SESSION_MEMORY, RC.MEMORY, RC.SESSION_HANDLES];

/** Turns a response code into the room's error. `doing` completes "while …". */
export function responseError(rc: number, doing: string): NativeError {
  const { code, message } = meaning(rc);
  const detail = `${message} (while ${doing}; TPM code 0x${rc.toString(16)}, ${describeCode(rc)})`;
  return new NativeError(code, detail, { responseCode: rc });
}

function meaning(rc: number): { code: NativeErrorCode; message: string } {
  const base = baseCode(rc);
  if (base === RC.COMMAND_CODE) {
    return layer(rc) === 0
      ? { code: 'tpm-command-unsupported', message: 'The TPM does not know a command that Muster needs' }
      : { code: 'tpm-command-blocked', message: 'The resource manager of this machine refuses a TPM command' };
  }
  switch (base) {
    case RC.FAILURE:
      return { code: 'tpm-failure-mode', message: 'The TPM is in failure mode' };
    case RC.INITIALIZE:
      return { code: 'tpm-disabled', message: 'The TPM was not started by the firmware' };
    case RC.DISABLED:
    case RC.HIERARCHY:
      return { code: 'tpm-disabled', message: 'The firmware has turned this part of the TPM off' };
    case RC.LOCKOUT:
      return { code: 'tpm-locked-out', message: 'The TPM refuses authorizations after too many wrong ones' };
    case RC.BAD_AUTH:
    case RC.AUTH_FAIL:
    case RC.AUTH_MISSING:
      return { code: 'tpm-auth-required', message: 'The TPM asks for an authorization that Muster does not have' };
    case RC.RETRY:
    case RC.YIELDED:
    case RC.TESTING:
    case RC.NV_RATE:
    case RC.NV_UNAVAILABLE:
      return { code: 'tpm-busy', message: 'The TPM stayed busy' };
    case RC.OBJECT_MEMORY:
    case RC.SESSION_MEMORY:
    case RC.MEMORY:
    case RC.SESSION_HANDLES:
      return { code: 'tpm-busy', message: 'Other programs hold all places of the TPM' };
    default:
      return { code: 'tpm-error', message: 'The TPM refused a command' };
  }
}

let decoder: ((rc: number) => string) | undefined;

/** The name of a response code as tss2-rc gives it, or a short text of our own where that library is not installed. */
export function describeCode(rc: number): string {
  decoder ??= loadDecoder() ?? ownText;
  return decoder(rc);
}

function loadDecoder(): ((rc: number) => string) | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const path = findLibrary('libtss2-rc.so.0');
    if (path === undefined) return undefined;
    const decode = loadFfi().load(path).func('const char *Tss2_RC_Decode(uint32_t rc)') as unknown as (
      rc: number,
    ) => string;
    return (rc) => decode(rc >>> 0);
  } catch (error) {
    // The names are a courtesy: an untrusted or unloadable library must not hide the error that is being told.
    if (error instanceof NativeError || error instanceof Error) return undefined;
    throw error;
  }
}

function ownText(rc: number): string {
  const name = Object.entries(RC).find(([, value]) => value === baseCode(rc))?.[0] ?? 'unnamed';
  if ((rc & 0x80) === 0) return name;
  const number = (rc >>> 8) & 0xf;
  if ((rc & 0x40) !== 0) return `${name}, parameter ${number}`;
  return number >= 8 ? `${name}, session ${number - 8}` : `${name}, handle ${number}`;
}
