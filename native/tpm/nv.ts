import { createWriter } from '../../attestation/bytes.ts';
import { TPM_CC } from '../../attestation/tpmConstants.ts';
import { guarded } from './codec.ts';
import { ABSENT } from './responseCodes.ts';
import type { Scope } from './tpm.ts';

/** NV_UNINITIALIZED, NV_AUTHORIZATION, NV_LOCKED, AUTH_UNAVAILABLE: there, but not for us. */
const UNREADABLE: readonly number[] = [...ABSENT, 0x14a, 0x149, 0x148, 0x12f];

/**
 * The content of an NV index, read with the index itself as authorization: that works where owner authorization is set,
 * because EK indices carry AUTHREAD. Undefined where the index does not exist, was never written or may not be read.
 */
export async function readNv(scope: Scope, index: number, chunk: number): Promise<Uint8Array | undefined> {
  const look = { code: TPM_CC.NV_READ_PUBLIC, handles: [index], doing: 'looking for a certificate in the TPM' };
  const found = await scope.tryRun(look, ABSENT);
  if (!found) return undefined;
  const size = guarded('NV_ReadPublic', () => {
    const area = found.parameters.tpm2b();
    return new DataView(area.buffer, area.byteOffset).getUint16(area.length - 2);
  });
  const content = new Uint8Array(size);
  for (let offset = 0; offset < size; ) {
    const part = await scope.tryRun(
      {
        code: TPM_CC.NV_READ,
        handles: [index, index],
        auths: ['empty-password'],
        parameters: createWriter()
          .u16(Math.min(chunk, size - offset))
          .u16(offset)
          .finish(),
        doing: 'reading a certificate from the TPM',
      },
      UNREADABLE,
    );
    if (!part) return undefined;
    const bytes = guarded('NV_Read', () => part.parameters.tpm2b(size - offset));
    if (bytes.length === 0) return undefined;
    content.set(bytes, offset);
    offset += bytes.length;
  }
  return content;
}
