import { release, version } from 'node:os';
import { type Ffi, loadFfi } from '../tpm/ffi.ts';
import { fact, looksVirtual, type MachineFacts, uuidFact } from './report.ts';
import { parseRawSmbios, type Smbios } from './smbios.ts';

const RSMB = 0x52534d42;

/** Windows: SMBIOS from the firmware table; no shell, no WMI, no administrator rights. */
export function collectWindows(ffi: Ffi = loadFfi(), system = { name: version(), release: release() }): MachineFacts {
  return windowsFacts(parseRawSmbios(readFirmwareTable(ffi)), system);
}

/** The raw SMBIOS table (sysinfoapi.h: GetSystemFirmwareTable); empty where Windows gives none. */
export function readFirmwareTable(ffi: Ffi): Uint8Array {
  const get = ffi
    .load('kernel32.dll')
    .func('uint32_t __stdcall GetSystemFirmwareTable(uint32_t provider, uint32_t table, void *buffer, uint32_t size)');
  const size = get(RSMB, 0, null, 0);
  if (size === 0 || size > 1024 * 1024) return new Uint8Array(0);
  const buffer = ffi.alloc('uint8_t', size);
  try {
    const written = get(RSMB, 0, buffer, size);
    if (written === 0 || written > size) return new Uint8Array(0);
    return new Uint8Array(ffi.decode(buffer, 0, 'uint8_t', written) as Uint8Array);
  } finally {
    ffi.free(buffer);
  }
}

export function windowsFacts(smbios: Smbios, system: { name: string; release: string }): MachineFacts {
  const manufacturer = fact(smbios.manufacturer, 'maker');
  const model = fact(smbios.product ?? smbios.boardProduct, 'model');
  const serial = [smbios.serial, smbios.chassisSerial, smbios.boardSerial].map((text) => fact(text, 'serial number'));
  const known = smbios.manufacturer !== undefined;
  const virtual = looksVirtual(manufacturer, model) || smbios.virtual === true;
  return {
    os: 'Windows',
    // os.version() is the product name ("Windows 11 Pro"), os.release() the build ("10.0.26100").
    osVersion: `${system.name} (${system.release})`,
    manufacturer,
    model,
    serial: serial.find((found) => 'value' in found) ?? fact(smbios.serial, 'serial number'),
    hardwareUuid: uuidFact(smbios.uuid),
    virtualMachine: virtual ? 'yes' : known ? 'no' : 'unknown',
  };
}
