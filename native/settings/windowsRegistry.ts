import { NativeError } from '../errors.ts';
import type { EventFunctions, RegistryFunctions } from './registryFunctions.ts';
import { HIVES, type RegistryValue, registryObject } from './registryValues.ts';
import { watchPolicies } from './registryWatch.ts';
import type { SettingsLayer, SettingsSource } from './source.ts';

const KEY_READ_64 = 0x20019 | 0x0100;
const ERROR_SUCCESS = 0;
const ERROR_FILE_NOT_FOUND = 2;
const ERROR_NO_MORE_ITEMS = 259;
const NAME_CHARACTERS = 16384;
const DATA_BYTES = 64 * 1024;
const MAX_VALUES = 1000;

export type RegistrySettings = {
  /** Below both hives, such as `SOFTWARE\Policies\Muster`. */
  key: string;
  /** Sub-keys that become nested objects. */
  nested: readonly string[];
  functions: () => RegistryFunctions & EventFunctions;
  /** How often the events of the watch are looked at. */
  lookMs?: number;
};

/** Group Policy of Windows: that of the machine, then that of the person, each value for itself. */
export function registrySettings({ key, nested, functions, lookMs }: RegistrySettings): SettingsSource {
  return {
    carrier: 'registry',
    async read() {
      const api = functions();
      const layers: SettingsLayer[] = [];
      for (const scope of ['machine', 'person'] as const) {
        const values = readKey(api, HIVES[scope], key);
        const entries: [string, unknown][] = nested.flatMap((name) => {
          const inner = readKey(api, HIVES[scope], `${key}\\${name}`);
          return inner ? [[name, registryObject(inner)]] : [];
        });
        if (!values && entries.length === 0) continue;
        layers.push({
          scope,
          location: `${scope === 'machine' ? 'HKLM' : 'HKCU'}\\${key}`,
          values: { ...registryObject(values ?? []), ...Object.fromEntries(entries) },
        });
      }
      return { kind: 'read', layers };
    },
    watch: (changed) => watchPolicies(functions, key, changed, lookMs),
  };
}

/** Undefined where the key does not exist. */
function readKey(api: RegistryFunctions, hive: number, path: string): RegistryValue[] | undefined {
  const result = Buffer.alloc(8);
  const opened = api.openKey(hive, path, 0, KEY_READ_64, result);
  if (opened === ERROR_FILE_NOT_FOUND) return undefined;
  if (opened !== ERROR_SUCCESS) throw failed(path, opened);
  const key = result.readBigInt64LE(0);
  try {
    return enumerate(api, key, path);
  } finally {
    api.closeKey(key);
  }
}

function enumerate(api: RegistryFunctions, key: bigint, path: string): RegistryValue[] {
  const name = Buffer.alloc(NAME_CHARACTERS * 2);
  const data = Buffer.alloc(DATA_BYTES);
  const nameLength = Buffer.alloc(4);
  const dataLength = Buffer.alloc(4);
  const type = Buffer.alloc(4);
  const values: RegistryValue[] = [];
  for (let index = 0; index < MAX_VALUES; index++) {
    nameLength.writeUInt32LE(NAME_CHARACTERS, 0);
    dataLength.writeUInt32LE(DATA_BYTES, 0);
    const code = api.enumValue(key, index, name, nameLength, null, type, data, dataLength);
    if (code === ERROR_NO_MORE_ITEMS) return values;
    if (code !== ERROR_SUCCESS) throw failed(path, code);
    values.push({
      name: name.toString('utf16le', 0, nameLength.readUInt32LE(0) * 2),
      type: type.readUInt32LE(0),
      data: Uint8Array.from(data.subarray(0, dataLength.readUInt32LE(0))),
    });
  }
  throw failed(path, 0);
}

function failed(path: string, code: number): NativeError {
  return new NativeError('settings-unreadable', `Windows could not read the policy key ${path} (error ${code}).`, {
    responseCode: code,
  });
}
