import { createWriter } from '../../attestation/bytes.ts';
import { TPM_CAP, TPM_CC } from '../../attestation/tpmConstants.ts';
import { guarded } from './codec.ts';
import type { Run } from './request.ts';

const RANGE_SIZE = 0x0100_0000;

/** All handles of the TPM from `first` on that belong to the same range (the first byte), in order. */
export async function listRange(
  run: Run,
  first: number,
  last = first - (first % RANGE_SIZE) + RANGE_SIZE - 1,
): Promise<number[]> {
  const found: number[] = [];
  let from = first;
  for (;;) {
    const { parameters } = await run({
      code: TPM_CC.GET_CAPABILITY,
      parameters: createWriter().u32(TPM_CAP.HANDLES).u32(from).u32(64).finish(),
      doing: 'listing what the TPM holds',
    });
    const { more, handles } = guarded('GetCapability', () => {
      const moreData = parameters.u8() === 1;
      parameters.u32();
      const count = parameters.u32();
      return { more: moreData, handles: Array.from({ length: count }, () => parameters.u32()) };
    });
    found.push(...handles.filter((handle) => handle >= from && handle <= last));
    const highest = handles.at(-1);
    if (!more || highest === undefined || highest < from || highest >= last) return found;
    from = highest + 1;
  }
}

/** Transient objects and loaded sessions: what a careless client leaves behind. */
export async function listLoaded(run: Run): Promise<number[]> {
  const objects = await listRange(run, 0x8000_0000);
  // Loaded sessions are listed in the HMAC range, policy sessions among them (part 3, 30.2; part 2, 7.2).
  const sessions = await listRange(run, 0x0200_0000, 0x03ff_ffff);
  return [...objects, ...sessions];
}
