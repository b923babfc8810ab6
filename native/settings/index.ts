import { userInfo } from 'node:os';
import { NativeError } from '../errors.ts';
import { loadFfi } from '../tpm/ffi.ts';
import { systemFolder } from '../tpm/tbs.ts';
import { linuxSettings } from './linuxFile.ts';
import { PREFERENCES_PROTOTYPES, type PreferencesFunctions, preferencesSettings } from './macosPreferences.ts';
import {
  EVENT_PROTOTYPES,
  type EventFunctions,
  REGISTRY_PROTOTYPES,
  type RegistryFunctions,
} from './registryFunctions.ts';
import type { SettingsSource } from './source.ts';
import { registrySettings } from './windowsRegistry.ts';

export type { SettingsLayer, SettingsRead, SettingsSource } from './source.ts';

/** Where the three operating systems keep the settings, and the names to look for. */
export type SettingsPlaces = {
  windowsKey: string;
  macosDomain: string;
  linuxFiles: readonly string[];
  names: readonly string[];
  nested: readonly string[];
};

const CORE_FOUNDATION = '/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation';

type AnyLibrary = { func(prototype: string): (...args: unknown[]) => never };

function declare<T>(library: unknown, prototypes: Record<string, string>): T {
  const { func } = library as AnyLibrary;
  return Object.fromEntries(
    Object.entries(prototypes).map(([name, prototype]) => [name, func.call(library, prototype)]),
  ) as T;
}

/** What IT can set on this operating system. Throws `platform-unsupported` elsewhere. */
export function openSettingsSource(
  places: SettingsPlaces,
  platform: NodeJS.Platform = process.platform,
): SettingsSource {
  switch (platform) {
    case 'linux':
      return linuxSettings({ paths: places.linuxFiles });
    case 'win32': {
      const functions = once(() => {
        const ffi = loadFfi();
        const system = systemFolder(ffi);
        return {
          ...declare<RegistryFunctions>(ffi.load(`${system}\\advapi32.dll`), REGISTRY_PROTOTYPES),
          ...declare<EventFunctions>(ffi.load(`${system}\\kernel32.dll`), EVENT_PROTOTYPES),
        };
      });
      return registrySettings({ key: places.windowsKey, nested: places.nested, functions });
    }
    case 'darwin': {
      const functions = once(() =>
        declare<PreferencesFunctions>(loadFfi().load(CORE_FOUNDATION), PREFERENCES_PROTOTYPES),
      );
      const { macosDomain: domain, names, nested } = places;
      const managed = { folder: '/Library/Managed Preferences', account: userInfo().username };
      return preferencesSettings({ domain, names, nested, functions, managed });
    }
    default:
      throw new NativeError('platform-unsupported', 'Muster knows no place for settings of an organization here.');
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
