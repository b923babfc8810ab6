import { join } from 'node:path';
import { NativeError } from '../errors.ts';
import { everyMs, LOOK_MS, type SettingsSource } from './source.ts';
import { watchFiles } from './watchFiles.ts';

type Reference = bigint | null;

/** CoreFoundation: the declarations that Muster uses (CFPreferences.h, CFString.h, CFNumber.h, CFDictionary.h). */
export const PREFERENCES_PROTOTYPES = {
  createString: 'void *CFStringCreateWithCString(void *allocator, const char *text, uint32_t encoding)',
  synchronize: 'uint8_t CFPreferencesAppSynchronize(void *application)',
  isForced: 'uint8_t CFPreferencesAppValueIsForced(void *key, void *application)',
  copyValue: 'void *CFPreferencesCopyAppValue(void *key, void *application)',
  typeOf: 'unsigned long CFGetTypeID(void *value)',
  stringType: 'unsigned long CFStringGetTypeID()',
  booleanType: 'unsigned long CFBooleanGetTypeID()',
  numberType: 'unsigned long CFNumberGetTypeID()',
  dictionaryType: 'unsigned long CFDictionaryGetTypeID()',
  stringLength: 'long CFStringGetLength(void *text)',
  stringBytes: 'uint8_t CFStringGetCString(void *text, void *buffer, long size, uint32_t encoding)',
  booleanValue: 'uint8_t CFBooleanGetValue(void *value)',
  numberValue: 'uint8_t CFNumberGetValue(void *value, long type, void *result)',
  dictionaryValue: 'void *CFDictionaryGetValue(void *dictionary, void *key)',
  release: 'void CFRelease(void *value)',
} as const;

/** What each function answers: a reference to an object, or a number. */
export type PreferencesFunctions = {
  [K in keyof typeof PREFERENCES_PROTOTYPES]: (
    ...args: unknown[]
  ) => K extends 'createString' | 'copyValue' | 'dictionaryValue' ? Reference : number;
};

const UTF8 = 0x08000100;
const FLOAT64 = 6;
const SETTLE_MS = 2000;
const MAX_CHARACTERS = 64 * 1024;

export type PreferencesSettings = {
  /** The preference domain: the app's bundle identifier. */
  domain: string;
  names: readonly string[];
  /** Names of dictionaries that hold `names` again. */
  nested: readonly string[];
  functions: () => PreferencesFunctions;
  /** Where macOS writes what profiles force: `/Library/Managed Preferences`, and the account whose own folder there counts too. */
  managed: { folder: string; account: string };
};

/**
 * Managed preferences of macOS. Only a value that a profile *forces* counts: any process of the person can write an ordinary one.
 * macOS merges profiles of the device and of the person before anyone can ask, so all of it counts as the machine's.
 */
export function preferencesSettings(settings: PreferencesSettings): SettingsSource {
  const { domain, names, nested, functions, managed } = settings;
  return {
    carrier: 'preferences',
    async read() {
      const api = functions();
      const values: Record<string, unknown> = {};
      withString(api, domain, (application) => {
        api.synchronize(application);
        for (const name of [...names, ...nested]) {
          const value = forced(api, application, name, nested.includes(name) ? names : []);
          if (value !== undefined) values[name] = value;
        }
      });
      if (Object.keys(values).length === 0) return { kind: 'read', layers: [] };
      return { kind: 'read', layers: [{ scope: 'machine', location: domain, values }] };
    },
    watch(changed) {
      const files = [join(managed.folder, `${domain}.plist`), join(managed.folder, managed.account, `${domain}.plist`)];
      let later: NodeJS.Timeout | undefined;
      const unwatch = watchFiles(files, () => {
        changed();
        // cfprefsd, which answers the read, may see the file a moment after us.
        clearTimeout(later);
        later = setTimeout(changed, SETTLE_MS);
        later.unref();
      });
      const stop = everyMs(LOOK_MS.watched, changed);
      return () => {
        unwatch();
        stop();
        clearTimeout(later);
      };
    },
  };
}

function forced(api: PreferencesFunctions, application: Reference, name: string, inner: readonly string[]): unknown {
  return withString(api, name, (key) => {
    if (api.isForced(key, application) === 0) return undefined;
    const value = api.copyValue(key, application);
    if (!value) return undefined;
    try {
      return convert(api, value, inner);
    } finally {
      api.release(value);
    }
  });
}

/** Text, boolean, number, or the named entries of a dictionary; null for anything else, so that the schema refuses it by name. */
function convert(api: PreferencesFunctions, value: Reference, inner: readonly string[]): unknown {
  const type = api.typeOf(value);
  if (type === api.stringType()) return readString(api, value);
  if (type === api.booleanType()) return api.booleanValue(value) !== 0;
  if (type === api.numberType()) {
    const result = Buffer.alloc(8);
    return api.numberValue(value, FLOAT64, result) === 0 ? null : result.readDoubleLE(0);
  }
  if (type === api.dictionaryType() && inner.length > 0) {
    return Object.fromEntries(
      inner.flatMap((name) => {
        const entry = withString(api, name, (key) => api.dictionaryValue(value, key));
        return entry ? [[name, convert(api, entry, [])]] : [];
      }),
    );
  }
  return null;
}

function readString(api: PreferencesFunctions, value: Reference): string | null {
  const length = Number(api.stringLength(value));
  if (length > MAX_CHARACTERS) return null;
  const buffer = Buffer.alloc(length * 4 + 1);
  if (api.stringBytes(value, buffer, buffer.length, UTF8) === 0) return null;
  return buffer.toString('utf8', 0, buffer.indexOf(0));
}

function withString<T>(api: PreferencesFunctions, text: string, use: (reference: Reference) => T): T {
  const reference = api.createString(null, text, UTF8);
  if (!reference) throw new NativeError('settings-unreadable', 'macOS could not read its managed preferences.');
  try {
    return use(reference);
  } finally {
    api.release(reference);
  }
}
