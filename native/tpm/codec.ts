import { createReader, createWriter, type Reader } from '../../attestation/bytes.ts';
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

/** The bytes of a command (TPM 2.0 part 1, 18.2 and 18.4). */
export function encodeCommand({ code, handles = [], auths = [], parameters = NONE }: Command): Uint8Array {
  const body = createWriter();
  for (const handle of handles) body.u32(handle);
  if (auths.length > 0) {
    const area = createWriter();
    for (const auth of auths) {
      if (auth === 'empty-password') area.u32(HANDLE.PASSWORD).tpm2b(NONE).u8(0).tpm2b(NONE);
      else if ('password' in auth) area.u32(HANDLE.PASSWORD).tpm2b(NONE).u8(0).tpm2b(auth.password);
      else
        area
          .u32(auth.session)
          .tpm2b(NONE)
          .u8(auth.continueSession ? CONTINUE_SESSION : 0)
          .tpm2b(NONE);
    }
    const bytes = area.finish();
    body.u32(bytes.length).bytes(bytes);
  }
  const rest = body.bytes(parameters).finish();
  const tag = auths.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
  return createWriter()
    .u16(tag)
    .u32(10 + rest.length)
    .u32(code)
    .bytes(rest)
    .finish();
}

/** The response code of a whole response; 0 is success. */
export function responseCode(response: Uint8Array): number {
  return new DataView(response.buffer, response.byteOffset, response.byteLength).getUint32(6);
}

export type Answer = { handle: number | undefined; parameters: Reader };

/**
 * Opens a successful response: its handle where the command returns one, and a reader over its parameters alone.
 * Auth areas after the parameters are passwords' and unbound policy sessions': they carry nothing to check.
 */
export function decodeResponse(response: Uint8Array, options: { handle: boolean; what: string }): Answer {
  return guarded(options.what, () => {
    const reader = createReader(response, options.what);
    const tag = reader.u16();
    reader.u32();
    reader.u32();
    const handle = options.handle ? reader.u32() : undefined;
    if (tag !== TPM_ST.SESSIONS)
      return { handle, parameters: createReader(reader.take(reader.remaining()), options.what) };
    const parameters = createReader(reader.take(reader.u32()), options.what);
    return { handle, parameters };
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
