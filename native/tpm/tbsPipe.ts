import { HANDLE } from '../../attestation/tpmConstants.ts';
import { NativeError } from '../errors.ts';
import { allocate, callAsync, type Ffi, loadFfi, type Pointer } from './ffi.ts';
import { checkCommand, checkResponse, MAX_FRAME, type Pipe, timedOut } from './pipe.ts';
import { loadTbs, type TbsFunctions, tbsError } from './tbs.ts';

const LOCALITY_0 = 0;
const PRIORITY_NORMAL = 200;
const TPM_20 = 2;
/** TBS_OWNERAUTH_TYPE_ENDORSEMENT_20 and _STORAGE_20 (tbs.h). */
const OWNER_AUTH_TYPES: ReadonlyMap<number, number> = new Map([
  [HANDLE.ENDORSEMENT, 12],
  [HANDLE.OWNER, 13],
]);

/** The version of the TPM that Windows reports: 1, 2, or an error as {@link tbsError}. */
export function tbsTpmVersion(ffi: Ffi, tbs: TbsFunctions): number {
  // TPM_DEVICE_INFO: structVersion, tpmVersion, tpmInterfaceType, tpmImpRevision.
  const info = ffi.alloc('uint32_t', 4);
  try {
    const result = tbs.getDeviceInfo(16, info);
    if (result !== 0) throw tbsError(result);
    return Number(ffi.decode(info, 4, 'uint32_t'));
  } finally {
    ffi.free(info);
  }
}

/** Opens the TPM through TPM Base Services, itself a resource manager. `cancel` frees a thread that waits too long. */
export async function openTbsPipe(ffi: Ffi = loadFfi(), tbs: TbsFunctions = loadTbs(ffi)): Promise<Pipe> {
  if (tbsTpmVersion(ffi, tbs) !== TPM_20) {
    throw new NativeError('tpm-1.2', 'The TPM of this machine is version 1.2.');
  }
  // TBS_CONTEXT_PARAMS2: version 2, flags with bit 2 (includeTpm20).
  const parameters = ffi.alloc('uint32_t', 2);
  const held: [Pointer | null] = [null];
  ffi.encode(parameters, 'uint32_t', [2, 4], 2);
  const created = tbs.createContext(parameters, held);
  ffi.free(parameters);
  const context = held[0];
  if (created !== 0 || context === null) throw tbsError(created);

  const command = allocate(ffi, MAX_FRAME);
  const response = allocate(ffi, MAX_FRAME);
  const size = ffi.alloc('uint32_t', 1);
  let busy = false;

  return {
    async submit(bytes, deadlineMs) {
      checkCommand(bytes);
      if (busy) throw new NativeError('tpm-busy', 'The TPM has not answered an earlier command yet.');
      busy = true;
      let cancelled = false;
      const timer = setTimeout(() => {
        cancelled = true;
        tbs.cancel(context);
      }, deadlineMs);
      try {
        command.write(bytes);
        ffi.encode(size, 'uint32_t', MAX_FRAME);
        const result = await callAsync(
          tbs.submit,
          context,
          LOCALITY_0,
          PRIORITY_NORMAL,
          command.pointer,
          bytes.length,
          response.pointer,
          size,
        );
        if (cancelled && result !== 0) throw timedOut(deadlineMs);
        if (result !== 0) throw tbsError(result);
        const length = Number(ffi.decode(size, 0, 'uint32_t'));
        if (length > MAX_FRAME)
          throw new NativeError('tpm-response-malformed', 'Windows reported an impossible TPM response size.');
        return checkResponse(response.read(length));
      } finally {
        clearTimeout(timer);
        busy = false;
      }
    },
    hierarchyAuth(hierarchy) {
      const type = OWNER_AUTH_TYPES.get(hierarchy);
      if (type === undefined || busy) return undefined;
      ffi.encode(size, 'uint32_t', MAX_FRAME);
      // Answers administrators only, and nobody on a Windows that has thrown the value away.
      if (tbs.getOwnerAuth(context, type, response.pointer, size) !== 0) return undefined;
      return response.read(Math.min(64, Number(ffi.decode(size, 0, 'uint32_t'))));
    },
    async close() {
      if (busy) return;
      tbs.closeContext(context);
      command.free();
      response.free();
      ffi.free(size);
    },
  };
}
