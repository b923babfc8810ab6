import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EVENT_PROTOTYPES,
  type EventFunctions,
  REGISTRY_PROTOTYPES,
  type RegistryFunctions,
} from './registryFunctions.ts';
import { decodeRegistryValue, registryObject } from './registryValues.ts';
import { registrySettings } from './windowsRegistry.ts';

const utf16 = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'));
const value = (type: number, data: Uint8Array) => ({ name: 'x', type, data });
const dword = (number: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return new Uint8Array(bytes);
};

describe('values of the Windows registry', () => {
  it.each([
    ['text', 1, utf16('https://muster.example\0'), 'https://muster.example'],
    ['text without its terminator', 1, utf16('abc'), 'abc'],
    ['text that goes on after its terminator', 1, utf16('abc\0garbage'), 'abc'],
    ['empty text', 1, new Uint8Array(0), ''],
    ['text with an environment variable, as it is', 2, utf16('%TEMP%\\ca.pem\0'), '%TEMP%\\ca.pem'],
    ['a number', 4, dword(1), 1],
    ['the largest number', 4, dword(0xffffffff), 0xffffffff],
    ['a list', 7, utf16('a\0b\0\0'), ['a', 'b']],
    ['an empty list', 7, utf16('\0'), []],
    ['a large number', 11, new Uint8Array([5, 0, 0, 0, 0, 0, 0, 0]), 5],
    ['a number of the wrong size', 4, new Uint8Array(3), undefined],
    ['text of an odd size', 1, new Uint8Array(3), undefined],
    ['half a surrogate pair', 1, new Uint8Array([0x00, 0xd8]), undefined],
    ['a number beyond what JavaScript counts', 11, new Uint8Array(8).fill(0xff), undefined],
    ['bytes', 3, new Uint8Array(4), undefined],
  ])('decodes %s', (_name, type, data, expected) => {
    expect(decodeRegistryValue(value(type, data))).toEqual(expected);
  });

  it('keeps a value that cannot be decoded as null, so that the schema names it', () => {
    expect(registryObject([{ name: 'Team', type: 3, data: new Uint8Array(1) }])).toEqual({ Team: null });
  });
});

type Tree = Record<string, { name: string; type: number; data: Uint8Array }[]>;

/** advapi32 and kernel32 over a tree: real buffers, real result codes, one-shot notifications, and a count of open handles. */
function registry(tree: Tree, failing?: number) {
  const open = new Map<bigint, { name: string; type: number; data: Uint8Array }[]>();
  const armed = new Map<bigint, string>();
  const events = new Map<bigint, boolean>();
  const watched = new Map<bigint, string>();
  let next = 1n;
  const functions: RegistryFunctions & EventFunctions = {
    openKey(hive, path, _options, access, result) {
      const name = `${hive === -0x7ffffffe ? 'HKLM' : 'HKCU'}\\${path}`;
      if (failing !== undefined) return failing;
      if (access === 0x110) watched.set(next, name);
      else expect(access).toBe(0x20119);
      const values = tree[name];
      if (!values) return 2;
      open.set(next, values);
      (result as Buffer).writeBigInt64LE(next++, 0);
      return 0;
    },
    enumValue(key, index, name, nameLength, _reserved, type, data, dataLength) {
      const found = open.get(key as bigint)?.[index as number];
      if (!found) return 259;
      if (found.data.length > (dataLength as Buffer).readUInt32LE(0)) return 234;
      (nameLength as Buffer).writeUInt32LE((name as Buffer).write(found.name, 'utf16le') / 2, 0);
      (type as Buffer).writeUInt32LE(found.type, 0);
      (data as Buffer).set(found.data);
      (dataLength as Buffer).writeUInt32LE(found.data.length, 0);
      return 0;
    },
    closeKey: (key) => (open.delete(key as bigint) ? 0 : 6),
    notify(key, subtree, filter, event, asynchronous) {
      expect([subtree, filter, asynchronous]).toEqual([1, 0x1000_0005, 1]);
      armed.set(event as bigint, watched.get(key as bigint) ?? '');
      return 0;
    },
    createEvent() {
      events.set(next, false);
      return next++;
    },
    wait(event) {
      if (!events.get(event as bigint)) return 258;
      events.set(event as bigint, false);
      return 0;
    },
    closeHandle: (event) => (events.delete(event as bigint) ? 1 : 0),
  };
  return {
    functions: () => functions,
    handles: () => open.size + events.size,
    /** What Windows does when something changes below a key: it signals each event that is armed, once. */
    change(name: string) {
      for (const [event, watch] of armed) {
        if (!name.startsWith(`${watch}\\`)) continue;
        armed.delete(event);
        events.set(event, true);
      }
    },
  };
}

const key = 'SOFTWARE\\Policies\\Muster';
const text = (name: string, content: string) => ({ name, type: 1, data: utf16(`${content}\0`) });
const number = (name: string, content: number) => ({ name, type: 4, data: dword(content) });

describe('Group Policy of Windows', () => {
  it('reads the machine before the person, and Defaults as a nested object', async () => {
    const api = registry({
      [`HKLM\\${key}`]: [text('ServerUrl', 'https://muster.example'), number('StartAtLogin', 1)],
      [`HKLM\\${key}\\Defaults`]: [text('LogLevel', 'debug')],
      [`HKCU\\${key}\\Defaults`]: [text('LogLevel', 'info')],
    });
    const source = registrySettings({ key, nested: ['Defaults'], functions: api.functions });
    expect(await source.read()).toEqual({
      kind: 'read',
      layers: [
        {
          scope: 'machine',
          location: `HKLM\\${key}`,
          values: { ServerUrl: 'https://muster.example', StartAtLogin: 1, Defaults: { LogLevel: 'debug' } },
        },
        { scope: 'person', location: `HKCU\\${key}`, values: { Defaults: { LogLevel: 'info' } } },
      ],
    });
    expect(api.handles()).toBe(0);
  });

  it('finds nothing where no key is', async () => {
    const api = registry({});
    expect(await registrySettings({ key, nested: [], functions: api.functions }).read()).toEqual({
      kind: 'read',
      layers: [],
    });
  });

  it('fails, and does not say "nothing set", where Windows refuses or a value is too large', async () => {
    const refusing = registrySettings({ key, nested: [], functions: registry({}, 5).functions });
    await expect(refusing.read()).rejects.toMatchObject({ code: 'settings-unreadable', responseCode: 5 });
    const large = registry({ [`HKLM\\${key}`]: [{ name: 'Team', type: 1, data: new Uint8Array(65_537) }] });
    await expect(registrySettings({ key, nested: [], functions: large.functions }).read()).rejects.toMatchObject({
      code: 'settings-unreadable',
      responseCode: 234,
    });
    expect(large.handles()).toBe(0);
  });

  it('declares its functions in a form that koffi understands', () => {
    const koffi = createRequire(import.meta.url)('koffi');
    for (const prototype of Object.values({ ...REGISTRY_PROTOTYPES, ...EVENT_PROTOTYPES })) {
      expect(koffi.proto(prototype)).toBeTruthy();
    }
    expect(koffi.sizeof('intptr_t')).toBe(8);
  });
});

describe('the watch on Group Policy', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const POLICIES = { 'HKLM\\SOFTWARE\\Policies': [], 'HKCU\\SOFTWARE\\Policies': [] };

  it('sees every change within a second, in both hives, also of a key that was not there, and leaves no handle open', () => {
    const api = registry(POLICIES);
    let changes = 0;
    const stop = registrySettings({ key, nested: [], functions: api.functions }).watch(() => changes++);
    vi.advanceTimersByTime(60_000);
    expect(changes).toBe(0);
    api.change(`HKLM\\${key}`);
    vi.advanceTimersByTime(1000);
    expect(changes).toBe(1);
    // Armed again: the next one is seen too, and two at once are one.
    api.change(`HKCU\\${key}\\Defaults`);
    api.change(`HKLM\\${key}`);
    vi.advanceTimersByTime(1000);
    expect(changes).toBe(2);
    api.change('HKLM\\SOFTWARE\\Elsewhere');
    vi.advanceTimersByTime(60_000);
    expect(changes).toBe(2);
    // What a watch may have missed, the slow look finds.
    vi.advanceTimersByTime(15 * 60_000);
    expect(changes).toBe(3);
    expect(api.handles()).toBe(4);
    stop();
    expect(api.handles()).toBe(0);
    api.change(`HKLM\\${key}`);
    vi.advanceTimersByTime(60 * 60_000);
    expect(changes).toBe(3);
  });

  it.each([
    ['a hive has no policies', registry({ 'HKLM\\SOFTWARE\\Policies': [] })],
    ['Windows refuses', registry(POLICIES, 5)],
  ])('looks often instead where %s', (_name, api) => {
    let changes = 0;
    const stop = registrySettings({ key, nested: [], functions: api.functions }).watch(() => changes++);
    expect(api.handles()).toBe(0);
    vi.advanceTimersByTime(15_000);
    expect(changes).toBe(1);
    stop();
  });
});
