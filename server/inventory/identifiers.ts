import { AttestationError, normalizePermanentIdentifier } from '../../attestation/index.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { normalizeSerial } from './serials.ts';

const PERMANENT = 'urn:smallstep:device:permanent-identifier:';
const SERIAL = 'urn:smallstep:device:serial:';

/** Thrown for an identifier in no form that the inventory takes. `message` says why. */
export class IdentifierFault extends Error {}

/**
 * The spelling under which the inventory keeps a permanent identifier: an EK URN in its canonical form; a bare serial number (eight to
 * fourteen letters and digits) in upper case, as Apple prints it; any other text as it came, because the compatible API calls it opaque.
 * Throws {@link IdentifierFault}.
 */
export function canonicalIdentifier(text: string): string {
  const plain = text.startsWith(PERMANENT) ? text.slice(PERMANENT.length) : text;
  if (/^(?:urn:ek:)?sha256:/i.test(plain)) {
    try {
      return normalizePermanentIdentifier(plain);
    } catch (error) {
      if (error instanceof AttestationError) throw new IdentifierFault(error.message);
      throw error;
    }
  }
  if (!/^[\x21-\x7e]{1,256}$/.test(plain)) {
    throw new IdentifierFault('A permanent identifier is 1 to 256 printable ASCII characters without spaces.');
  }
  if (plain.toLowerCase().startsWith('urn:smallstep:')) {
    throw new IdentifierFault('This names a device in a form that cannot be a permanent identifier.');
  }
  return /^[A-Za-z0-9]{8,14}$/.test(plain) ? plain.toUpperCase() : plain;
}

/**
 * The device that a path of the compatible API names: a UUID, an EK URN, `urn:smallstep:device:permanent-identifier:…` or
 * `urn:smallstep:device:serial:…`. A serial number that two records carry names neither. Throws {@link IdentifierFault}.
 */
export async function deviceByReference(db: Db | Trx, reference: string): Promise<DeviceRow | undefined> {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(reference)) {
    const id = reference.toLowerCase();
    const byId = await db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
    return byId ?? findDeviceByIdentifier(db, reference);
  }
  if (reference.startsWith(SERIAL)) {
    const serial = normalizeSerial(reference.slice(SERIAL.length));
    if (serial === null) return undefined;
    const rows = await db
      .selectFrom('devices')
      .selectAll()
      .where('serial', '=', serial)
      .where('candidate_of', 'is', null)
      .where('lifecycle', '!=', 'deleted')
      .limit(2)
      .execute();
    return rows.length === 1 ? rows[0] : undefined;
  }
  return findDeviceByIdentifier(db, canonicalIdentifier(reference));
}
