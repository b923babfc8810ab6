import type { Device } from '../../contract/device.ts';

/** Whether an open conflict holds up an approval; a serial number that another record merely reports does not. */
export const heldUp = ({ conflictId, conflictKind }: Pick<Device, 'conflictId' | 'conflictKind'>): boolean =>
  conflictId !== null && conflictKind !== 'same-serial';
