import { createReader, type Reader } from '../../attestation/bytes.ts';
import { HANDLE, TPM_ST } from '../../attestation/tpmConstants.ts';
import { NativeError } from '../errors.ts';

/** Authorization of one handle: a password (part 1, 19.4) or a policy session. */
export type Auth = { session: number; continueSession?: boolean } | { password: Uint8Array } | 'empty-password';

export type Command = {
  code: number;
  handles?: readonly number[];
  /** One for each handle that needs authorization, in order. None: the command goes without sessions. */
  auths?: readonly Auth[];
  parameters?: Uint8Array;
};

const NONE = new Uint8Array(0);
const CONTINUE_SESSION = 1;

/** The bytes of a command (TPM 2.0 part 1, 18.2 and 18.4), written in one go: there are dozens of them in a ceremony. */
export function encodeCommand({ code, handles = [], auths = [], parameters = NONE }: Command): Uint8Array {
  let authSize = 0;
  // Each authorization: handle, no nonce, attributes, password.
  for (const auth of auths) authSize += 9 + passwordOf(auth).length;
  const size = 10 + 4 * handles.length + (auths.length > 0 ? 4 + authSize : 0) + parameters.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, auths.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS);
  view.setUint32(2, size);
  view.setUint32(6, code);
  let at = 10;
  for (const handle of handles) {
    view.setUint32(at, handle);
    at += 4;
  }
  if (auths.length > 0) {
    view.setUint32(at, authSize);
    at += 4;
  }
  for (const auth of auths) {
    const secret = passwordOf(auth);
    const session = typeof auth === 'object' && 'session' in auth ? auth : undefined;
    view.setUint32(at, session?.session ?? HANDLE.PASSWORD);
    view.setUint8(at + 6, session?.continueSession ? CONTINUE_SESSION : 0);
    view.setUint16(at + 7, secret.length);
    bytes.set(secret, at + 9);
    at += 9 + secret.length;
  }
  bytes.set(parameters, at);
  return bytes;
}

const passwordOf = (auth: Auth): Uint8Array => (typeof auth === 'object' && 'password' in auth ? auth.password : NONE);

/** Four bytes as a big-endian number; 0 for bytes that are not there. Called several times for each command. */
export function u32At(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return (bytes[at] ?? 0) * 0x100_0000 + low;
}

/** The response code of a whole response; 0 is success. */
export function responseCode(response: Uint8Array): number {
  return u32At(response, 6);
}

export type Answer = { handle: number | undefined; parameters: Reader };

/**
 * Opens a successful response: its handle where the command returns one, and a reader over its parameters alone.
 * Auth areas after the parameters are passwords' and unbound policy sessions': they carry nothing to check.
 */
export function decodeResponse(response: Uint8Array, options: { handle: boolean; what: string }): Answer {
  return guarded(options.what, () => {
    const sessions = u32At(response, 0) >>> 16 === TPM_ST.SESSIONS;
    const from = 10 + (options.handle ? 4 : 0) + (sessions ? 4 : 0);
    const size = sessions ? u32At(response, from - 4) : response.length - from;
    if (from + size > response.length || size < 0) throw new Error('the parameters end too early');
    const handle = options.handle ? u32At(response, 10) : undefined;
    return { handle, parameters: createReader(response.subarray(from, from + size), options.what) };
  });
}

/** Runs a parse of TPM output; whatever it refuses becomes `tpm-response-malformed`. */
export function guarded<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof NativeError) throw cause;
    throw new NativeError('tpm-response-malformed', `The TPM's answer to ${what} is not well formed.`, { cause });
  }
}
