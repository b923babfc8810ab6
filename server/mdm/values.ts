import { Email, type OperatingSystem } from '../../contract/index.ts';
import { canonicalIdentifier, IdentifierFault } from '../inventory/identifiers.ts';
import type { DerivableValues } from '../inventory/layers.ts';
import { normalizeSerial } from '../inventory/serials.ts';
import type { MdmDevice } from './provider.ts';

const MAX_RAW = 16 * 1024;

/** How MDMs write the operating systems that the inventory knows. */
const SYSTEMS: Record<string, (typeof OperatingSystem.options)[number]> = {
  macos: 'macOS',
  mac: 'macOS',
  darwin: 'macOS',
  osx: 'macOS',
  windows: 'Windows',
  linux: 'Linux',
  ubuntu: 'Linux',
  debian: 'Linux',
  rhel: 'Linux',
  centos: 'Linux',
  ios: 'iOS',
  ipados: 'iOS',
  iphone: 'iOS',
  ipad: 'iOS',
  tvos: 'tvOS',
  appletv: 'tvOS',
  watchos: 'watchOS',
  visionos: 'visionOS',
};

/** The values of one MDM's layer. What is empty or cannot be read is left out: an MDM that knows nothing masks nothing. */
export function layerOf(device: MdmDevice): DerivableValues {
  const serial = normalizeSerial(device.serial);
  const os = SYSTEMS[(device.os ?? '').toLowerCase().replaceAll(' ', '')];
  const email = Email.safeParse(device.user?.email?.trim().normalize('NFC').toLowerCase());
  const name = device.name?.trim();
  return {
    ...(name ? { displayName: name } : {}),
    ...(serial ? { serial } : {}),
    ...(os ? { os } : {}),
    ...(device.ownership === 'unknown' ? {} : { ownership: device.ownership === 'user' ? 'personal' : 'company' }),
    ...(email.success ? { email: email.data } : {}),
  };
}

/** The permanent identifier that an MDM can name: the serial number. Null where there is none that identifies anything. */
export function identifierOf(device: MdmDevice): string | null {
  const serial = normalizeSerial(device.serial);
  if (serial === null) return null;
  try {
    return canonicalIdentifier(serial);
  } catch (error) {
    if (error instanceof IdentifierFault) return null;
    throw error;
  }
}

/** What is kept of the MDM's own record, at most 16 KiB of JSON. */
export function rawText(device: MdmDevice): string {
  const text = JSON.stringify(device.raw ?? null);
  return text.length <= MAX_RAW ? text : JSON.stringify({ cut: true, bytes: text.length });
}
