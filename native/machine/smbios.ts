/** What Muster takes from SMBIOS (DMTF DSP0134 3.7): BIOS, system, base board and chassis structures. */
export type Smbios = {
  manufacturer?: string;
  product?: string;
  serial?: string;
  /** In the order that people read: the first three fields are little-endian in the table from version 2.6 on. */
  uuid?: string;
  boardProduct?: string;
  boardSerial?: string;
  chassisSerial?: string;
  biosVendor?: string;
  biosVersion?: string;
  /** BIOS characteristics extension byte 2, bit 4: the table describes a virtual machine (7.1.2.2). */
  virtual?: boolean;
};

/**
 * Reads what GetSystemFirmwareTable('RSMB') gives: RawSMBIOSData, that is calling method u8, major u8, minor u8, DMI
 * revision u8, length u32 little-endian, then the table. Bytes that end early end the reading; nothing throws.
 */
export function parseRawSmbios(raw: Uint8Array): Smbios {
  if (raw.length < 8) return {};
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const version = view.getUint8(1) * 256 + view.getUint8(2);
  const length = Math.min(view.getUint32(4, true), raw.length - 8);
  return parseSmbiosTable(raw.subarray(8, 8 + length), version);
}

/** `version` is major × 256 + minor. */
export function parseSmbiosTable(table: Uint8Array, version: number): Smbios {
  const found: Smbios = {};
  for (const { type, fixed, strings } of structuresOf(table)) {
    const text = (offset: number) => {
      const number = fixed[offset] ?? 0;
      return number === 0 ? undefined : strings[number - 1];
    };
    const put = (key: Exclude<keyof Smbios, 'virtual'>, value: string | undefined) => {
      if (value !== undefined && found[key] === undefined) found[key] = value;
    };
    switch (type) {
      case 0:
        put('biosVendor', text(0x04));
        put('biosVersion', text(0x05));
        if (fixed.length > 0x13) found.virtual = ((fixed[0x13] ?? 0) & 0x10) !== 0;
        break;
      case 1:
        put('manufacturer', text(0x04));
        put('product', text(0x05));
        put('serial', text(0x07));
        if (fixed.length >= 0x18) put('uuid', uuidText(fixed.subarray(0x08, 0x18), version));
        break;
      case 2:
        put('boardProduct', text(0x05));
        put('boardSerial', text(0x07));
        break;
      case 3:
        put('chassisSerial', text(0x07));
        break;
      default:
    }
  }
  return found;
}

type Structure = { type: number; fixed: Uint8Array; strings: string[] };

/** Type 127 ends the table; each structure is followed by its strings and one more NUL (6.1.3). */
function* structuresOf(table: Uint8Array): Generator<Structure> {
  let at = 0;
  while (at + 4 <= table.length) {
    const type = table[at] ?? 127;
    const length = table[at + 1] ?? 0;
    if (length < 4 || at + length > table.length) return;
    const fixed = table.subarray(at, at + length);
    const strings: string[] = [];
    let next = at + length;
    if (table[next] === 0 && table[next + 1] === 0) next += 2;
    else {
      while (next < table.length && table[next] !== 0) {
        const end = table.indexOf(0, next);
        if (end < 0) return;
        strings.push(new TextDecoder('utf-8').decode(table.subarray(next, end)).trim());
        next = end + 1;
      }
      next += 1;
    }
    yield { type, fixed, strings };
    if (type === 127) return;
    at = next;
  }
}

/** 16 bytes as text. Before 2.6 the standard left the byte order open and makers used network order (7.2.1). */
function uuidText(bytes: Uint8Array, version: number): string {
  const order = version >= 0x0206 ? [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] : [...bytes.keys()];
  const hex = order.map((index) => (bytes[index] ?? 0).toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join('-')
    .toUpperCase();
}
