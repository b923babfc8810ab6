/** HKEY_LOCAL_MACHINE and HKEY_CURRENT_USER, as sign-extended handles (winreg.h). */
export const HIVES = { machine: -0x7ffffffe, person: -0x7fffffff } as const;

/** A value of the Windows registry as the API gives it: its type number (winnt.h) and its bytes. */
export type RegistryValue = { name: string; type: number; data: Uint8Array };

const REG_SZ = 1;
const REG_EXPAND_SZ = 2;
const REG_DWORD = 4;
const REG_MULTI_SZ = 7;
const REG_QWORD = 11;

/**
 * Text, number or list of texts; undefined for a type that no setting has, or bytes that do not fit the type. Environment variables
 * in REG_EXPAND_SZ stay as they are: the person controls their own environment, and the value is IT's.
 */
export function decodeRegistryValue({ type, data }: RegistryValue): string | number | string[] | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (type) {
    case REG_SZ:
    case REG_EXPAND_SZ:
      return text(data)?.split('\0')[0];
    case REG_DWORD:
      return data.length === 4 ? view.getUint32(0, true) : undefined;
    case REG_QWORD: {
      const value = data.length === 8 ? view.getBigUint64(0, true) : undefined;
      return value !== undefined && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
    }
    case REG_MULTI_SZ:
      return text(data)
        ?.split('\0')
        .filter((part) => part !== '');
    default:
      return undefined;
  }
}

function text(data: Uint8Array): string | undefined {
  if (data.length % 2 !== 0) return undefined;
  try {
    return new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return undefined;
  }
}

/** The values of one key as a plain object; a value that cannot be decoded is null, so that the schema refuses it by name. */
export function registryObject(values: readonly RegistryValue[]): Record<string, unknown> {
  return Object.fromEntries(values.map((value) => [value.name, decodeRegistryValue(value) ?? null]));
}
