import { callAsync, type Ffi, loadFfi } from '../tpm/ffi.ts';
import { systemFolder } from '../tpm/tbs.ts';

/** tbs.h, from Windows 10 1803 on; declared apart, because a tbs.dll without it still reaches the TPM. */
export const TCG_LOG_PROTOTYPE =
  'uint32_t __stdcall Tbsi_Get_TCG_Log_Ex(uint32_t type, uint8_t *output, uint32_t *length)';
/** PCRs 0 to 15 of this session, be it a start or a resume. */
const SRTM_CURRENT = 0;
const INSUFFICIENT_BUFFER = 0x80284005;

/**
 * The firmware's TCG event log as Windows keeps it; undefined where it has none, shows none, or it is longer than `limit`
 * bytes.
 */
export async function readTcgLog(limit: number, ffi: Ffi = loadFfi()): Promise<Uint8Array | undefined> {
  const getLog = ffi.load(`${systemFolder(ffi)}\\tbs.dll`).func(TCG_LOG_PROTOTYPE);
  const length = ffi.alloc('uint32_t', 1);
  try {
    ffi.encode(length, 'uint32_t', 0);
    // Answers with the size that it needs, as a success or as a buffer too small (MicrosoftDocs/sdk-api, Tbsi_Get_TCG_Log_Ex).
    const asked = await callAsync(getLog, SRTM_CURRENT, null, length);
    const size = Number(ffi.decode(length, 0, 'uint32_t'));
    if ((asked !== 0 && asked !== INSUFFICIENT_BUFFER) || size === 0 || size > limit) return undefined;
    const output = ffi.alloc('uint8_t', size);
    try {
      if ((await callAsync(getLog, SRTM_CURRENT, output, length)) !== 0) return undefined;
      const written = Number(ffi.decode(length, 0, 'uint32_t'));
      if (written === 0 || written > size) return undefined;
      return new Uint8Array(ffi.decode(output, 0, 'uint8_t', written) as Uint8Array);
    } finally {
      ffi.free(output);
    }
  } finally {
    ffi.free(length);
  }
}
