import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { createFakeFfi, type FakeFunction, getSystemDirectory } from '../testing/fakeWindows.ts';
import { KNOWN_FOLDER_PROTOTYPES, knownFolder } from './knownFolder.ts';
import { openElevation } from './openElevation.ts';

describe('folders as Windows knows them', () => {
  const names: Record<string, string> = {
    b6635e90bfc14e49b29c65b732d3d21a: 'C:\\Program Files',
    '8527b3f1ba6fcf4f9d557b8e7f157091': 'C:\\Users\\Ä B\\AppData\\Local',
  };
  const system = (result = 0) => {
    const functions = new Map<string, FakeFunction>();
    const fake = createFakeFfi(functions);
    const given: bigint[] = [];
    functions.set('GetSystemDirectoryW', getSystemDirectory);
    functions.set('SHGetKnownFolderPath', ([folder, flags, token, path], memory) => {
      const name = names[Buffer.from(memory.bytes(folder as bigint, 16)).toString('hex')];
      if (flags !== 0 || token !== null || name === undefined) return 0x80070057;
      const text = fake.ffi.alloc('uint8_t', name.length * 2 + 2);
      memory.set(text, new Uint8Array(Buffer.from(`${name}\0`, 'utf16le')));
      given.push(text);
      (path as unknown[])[0] = text;
      return result;
    });
    functions.set('lstrlenW', ([text], memory) => {
      for (let length = 0; ; length += 1) {
        if (memory.bytes(text as bigint, length * 2 + 2).at(-2) === 0) return length;
      }
    });
    functions.set('CoTaskMemFree', ([text]) => {
      given.splice(given.indexOf(text as bigint), 1);
      fake.ffi.free(text as bigint);
      return 0;
    });
    functions.set('IsUserAnAdmin', () => 0);
    return { ...fake, given };
  };

  it('are asked for in declarations that koffi takes', () => {
    const koffi = createRequire(import.meta.url)('koffi') as { proto(definition: string): unknown };
    for (const prototype of Object.values(KNOWN_FOLDER_PROTOTYPES)) expect(koffi.proto(prototype)).toBeDefined();
  });

  it('come from System32 and give their memory back', () => {
    const { ffi, loaded, memory, given } = system();
    expect(knownFolder(ffi, 'programFiles')).toBe('C:\\Program Files');
    expect(knownFolder(ffi, 'localAppData')).toBe('C:\\Users\\Ä B\\AppData\\Local');
    expect(loaded.filter((name) => name !== 'kernel32.dll')).toEqual(
      [1, 2].flatMap(() => ['C:\\Windows\\System32\\shell32.dll', 'C:\\Windows\\System32\\ole32.dll']),
    );
    expect(given).toEqual([]);
    expect(memory.leaked()).toBe(0);
  });

  it('that Windows does not name are an error', () => {
    const { ffi, memory } = system(0x80070002);
    expect(() => knownFolder(ffi, 'programFiles')).toThrow(
      expect.objectContaining({ code: 'platform-unsupported', responseCode: 0x80070002 }),
    );
    expect(memory.leaked()).toBe(0);
  });

  it('decide what may run with administrator rights, whatever the environment says', async () => {
    const { ffi } = system();
    const before = process.env.ProgramFiles;
    process.env.ProgramFiles = 'C:\\Users\\a';
    try {
      const installed = { node: 'C:\\Users\\a\\node.exe', script: 'C:\\Users\\a\\muster.mjs' };
      const elevation = openElevation(installed, ffi);
      expect(elevation.folder).toBe('C:\\Users\\Ä B\\AppData\\Local\\Muster');
      await expect(elevation.run('request', 'answer')).rejects.toMatchObject({ code: 'elevation-needed' });
    } finally {
      if (before === undefined) delete process.env.ProgramFiles;
      else process.env.ProgramFiles = before;
    }
  });
});
