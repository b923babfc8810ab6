import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PREFERENCES_PROTOTYPES, type PreferencesFunctions, preferencesSettings } from './macosPreferences.ts';

type Value = string | number | boolean | Uint8Array | { [name: string]: Value };

/** CoreFoundation over two tables: what a profile forces, and what the person wrote. Counts objects that are not released. */
function coreFoundation(forced: Record<string, Value>, written: Record<string, Value> = {}) {
  const objects = new Map<bigint, { value: Value; owned: boolean }>();
  let next = 0x1000n;
  const create = (value: Value, owned: boolean) => {
    objects.set(++next, { value, owned });
    return next;
  };
  const get = (reference: unknown) => {
    const found = objects.get(reference as bigint);
    if (!found) throw new Error('a reference that is not there: the real library would crash');
    return found.value;
  };
  const types: Record<string, number> = { string: 7, boolean: 21, number: 22, object: 18 };
  const functions: PreferencesFunctions = {
    createString: (_allocator, text) => create(text as string, true),
    synchronize: (application) => (get(application) === 'app.id' ? 1 : 0),
    isForced: (key) => ((get(key) as string) in forced ? 1 : 0),
    copyValue: (key) => {
      const value = { ...written, ...forced }[get(key) as string];
      return value === undefined ? null : create(value, true);
    },
    typeOf: (reference) => {
      const value = get(reference);
      return value instanceof Uint8Array ? 20 : (types[typeof value] ?? 0);
    },
    stringType: () => 7,
    booleanType: () => 21,
    numberType: () => 22,
    dictionaryType: () => 18,
    stringLength: (reference) => (get(reference) as string).length,
    stringBytes: (reference, buffer, size) => {
      const bytes = Buffer.from(`${get(reference)}\0`);
      if (bytes.length > (size as number)) return 0;
      (buffer as Buffer).set(bytes);
      return 1;
    },
    booleanValue: (reference) => (get(reference) ? 1 : 0),
    numberValue: (reference, _type, result) => {
      (result as Buffer).writeDoubleLE(get(reference) as number);
      return 1;
    },
    dictionaryValue: (dictionary, key) => {
      const value = (get(dictionary) as Record<string, Value>)[get(key) as string];
      return value === undefined ? null : create(value, false);
    },
    release: ((reference: unknown) => {
      get(reference);
      objects.delete(reference as bigint);
    }) as never,
  };
  return { functions: () => functions, leaked: () => [...objects.values()].filter(({ owned }) => owned).length };
}

const read = (api: ReturnType<typeof coreFoundation>) =>
  preferencesSettings({
    domain: 'app.id',
    names: ['ServerUrl', 'StartAtLogin', 'LogLevel', 'Team'],
    nested: ['Defaults'],
    functions: api.functions,
    managed: { folder: '/nowhere', account: 'ada' },
  }).read();

describe('managed preferences of macOS', () => {
  it('reads what a profile forces, with the entries of Defaults, and releases every object', async () => {
    const api = coreFoundation({
      ServerUrl: 'https://muster.example/ü',
      StartAtLogin: true,
      Defaults: { LogLevel: 'debug', Unknown: 'left out' },
    });
    expect(await read(api)).toEqual({
      kind: 'read',
      layers: [
        {
          scope: 'machine',
          location: 'app.id',
          values: { ServerUrl: 'https://muster.example/ü', StartAtLogin: true, Defaults: { LogLevel: 'debug' } },
        },
      ],
    });
    expect(api.leaked()).toBe(0);
  });

  it('ignores what the person, or any process of theirs, wrote', async () => {
    const api = coreFoundation({}, { ServerUrl: 'https://evil.example', Defaults: { LogLevel: 'debug' } });
    expect(await read(api)).toEqual({ kind: 'read', layers: [] });
    expect(api.leaked()).toBe(0);
  });

  it('leaves values of the wrong type for the schema to refuse by name', async () => {
    const api = coreFoundation({ ServerUrl: new Uint8Array(2), StartAtLogin: 1, Team: { a: 'b' } });
    expect(await read(api)).toMatchObject({ layers: [{ values: { ServerUrl: null, StartAtLogin: 1, Team: null } }] });
  });

  it('declares its functions in a form that koffi understands', () => {
    const koffi = createRequire(import.meta.url)('koffi');
    for (const prototype of Object.values(PREFERENCES_PROTOTYPES)) expect(koffi.proto(prototype)).toBeTruthy();
  });
});

describe.skipIf(process.platform === 'win32')('the watch on managed preferences (needs a POSIX file system)', () => {
  it('sees a profile for the machine and one for the person, from before their folders are there', async () => {
    const root = await mkdtemp(join(tmpdir(), 'muster-preferences-'));
    const folder = join(root, 'Library', 'Managed Preferences');
    let changes = 0;
    const source = preferencesSettings({
      domain: 'app.id',
      names: [],
      nested: [],
      functions: coreFoundation({}).functions,
      managed: { folder, account: 'ada' },
    });
    const stop = source.watch(() => changes++);
    const change = async (act: () => Promise<unknown>) => {
      const before = changes;
      await act();
      await expect.poll(() => changes, { timeout: 30_000 }).toBeGreaterThan(before);
    };
    try {
      await change(() => mkdir(folder, { recursive: true }));
      await change(() => writeFile(join(folder, 'app.id.plist'), 'one'));
      await change(() => mkdir(join(folder, 'ada')));
      await change(() => writeFile(join(folder, 'ada', 'app.id.plist'), 'two'));
      await change(() => rm(join(folder, 'ada'), { recursive: true }));
    } finally {
      stop();
      await rm(root, { recursive: true, force: true });
    }
  });
});
