import { deviceByReference, IdentifierFault } from '../inventory/identifiers.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import type { Call } from './call.ts';
import { tailOfPath } from './path.ts';
import { refuseSmallstep } from './refusal.ts';

/** Turns a fault in an identifier into the answer that names it. */
export function identifierOf<T>(read: (text: string) => T, text: string, status: 400 | 422 = 400): T {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof IdentifierFault) return refuseSmallstep(status, error.message);
    throw error;
  }
}

/** The device that `/devices/…` names in any of the documented forms; deleted ones only where asked for. Errors: 400, 404. */
export async function namedDevice(db: Db | Trx, call: Call, options: { deleted?: boolean } = {}): Promise<DeviceRow> {
  const path = call.url.split('?', 1)[0] ?? '';
  const { identifier } = tailOfPath(path.replace(/\/lifecycle$/, ''), 'devices');
  let device: DeviceRow | undefined;
  try {
    device = await deviceByReference(db, identifier);
  } catch (error) {
    if (error instanceof IdentifierFault) return refuseSmallstep(400, error.message);
    throw error;
  }
  if (!device || (device.lifecycle === 'deleted' && !options.deleted)) {
    return refuseSmallstep(404, 'The inventory holds no such device.');
  }
  return device;
}
