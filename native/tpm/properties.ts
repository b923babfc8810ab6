import { createWriter } from '../../attestation/bytes.ts';
import { TPM_CAP, TPM_CC, TPM_PT } from '../../attestation/tpmConstants.ts';
import { guarded } from './codec.ts';
import type { Scope } from './tpm.ts';

/** Fixed or variable properties from `first` on, as a map from property to 32-bit value. */
export async function readProperties(scope: Scope, first: number, count: number): Promise<Map<number, number>> {
  const { parameters } = await scope.run({
    code: TPM_CC.GET_CAPABILITY,
    parameters: createWriter().u32(TPM_CAP.TPM_PROPERTIES).u32(first).u32(count).finish(),
    doing: 'reading the properties of the TPM',
  });
  return guarded('GetCapability', () => {
    parameters.u8();
    parameters.u32();
    const values = new Map<number, number>();
    for (let left = parameters.u32(); left > 0; left -= 1) values.set(parameters.u32(), parameters.u32());
    return values;
  });
}

/** TPM properties for people and for the attestation CA: manufacturer code, vendor text, "major.minor". */
export type TpmProperties = { manufacturer: number; vendor: string; firmwareVersion: string; nvChunk: number };

export async function readTpmProperties(scope: Scope): Promise<TpmProperties> {
  const values = await readProperties(scope, TPM_PT.FIXED, 0x40);
  const vendor = createWriter();
  for (let at = TPM_PT.VENDOR_STRING_1; at <= TPM_PT.VENDOR_STRING_4; at += 1) vendor.u32(values.get(at) ?? 0);
  const text = Buffer.from(vendor.finish()).toString('latin1');
  const version = values.get(TPM_PT.FIRMWARE_VERSION_1) ?? 0;
  const chunk = values.get(TPM_PT.NV_BUFFER_MAX) ?? 512;
  return {
    manufacturer: values.get(TPM_PT.MANUFACTURER) ?? 0,
    // The vendor string is padded with zeros, and some parts put other bytes there.
    vendor: [...text]
      .filter((c) => c >= ' ' && c <= '~')
      .join('')
      .trim(),
    firmwareVersion: `${version >>> 16}.${version & 0xffff}`,
    nvChunk: Math.max(32, Math.min(chunk, 1024)),
  };
}
