import { dirname } from 'node:path/win32';
import type { EventFunctions, RegistryFunctions } from './registryFunctions.ts';
import { HIVES } from './registryValues.ts';
import { everyMs, LOOK_MS } from './source.ts';

const NAMES_AND_VALUES = 0x1 | 0x4;
/** The registration outlives the thread that made it (Windows 8 and later). */
const THREAD_AGNOSTIC = 0x1000_0000;
const KEY_NOTIFY_64 = 0x0010 | 0x0100;
const WAIT_OBJECT_0 = 0;

/**
 * Calls back when something below the parent of `key` changed, in either hive: the key itself may not exist yet, or go. Windows signals an
 * event (RegNotifyChangeKeyValue); a look at it every `lookMs` costs a microsecond, where a wait would hold a thread of libuv for ever.
 * Where a hive cannot be watched, the caller is called back often instead.
 */
export function watchPolicies(
  functions: () => RegistryFunctions & EventFunctions,
  key: string,
  changed: () => void,
  lookMs = 1000,
): () => void {
  const watches = tryAll(() => Object.values(HIVES).map((hive) => watchKey(functions(), hive, dirname(key))));
  const stops = [everyMs(watches ? LOOK_MS.watched : LOOK_MS.unwatched, changed)];
  if (watches) {
    stops.push(
      everyMs(lookMs, () => {
        // Every event is looked at and armed again before anybody reads: a change meanwhile signals anew.
        if (watches.filter((watch) => watch.signalled()).length > 0) changed();
      }),
      ...watches.map((watch) => watch.close),
    );
  }
  return () => {
    for (const stop of stops) stop();
  };
}

type KeyWatch = { signalled(): boolean; close(): void };

function watchKey(api: RegistryFunctions & EventFunctions, hive: number, path: string): KeyWatch | undefined {
  const result = Buffer.alloc(8);
  if (api.openKey(hive, path, 0, KEY_NOTIFY_64, result) !== 0) return undefined;
  const key = result.readBigInt64LE(0);
  const event = api.createEvent(null, 0, 0, null);
  const arm = () => api.notify(key, 1, NAMES_AND_VALUES | THREAD_AGNOSTIC, event, 1) === 0;
  const close = () => {
    api.closeKey(key);
    if (BigInt(event) !== 0n) api.closeHandle(event);
  };
  if (BigInt(event) === 0n || !arm()) {
    close();
    return undefined;
  }
  return {
    // An event that resets itself: a wait of no time takes the signal.
    signalled() {
      if (api.wait(event, 0) !== WAIT_OBJECT_0) return false;
      arm();
      return true;
    },
    close,
  };
}

/** All of them or none. A library that cannot be loaded is told of by the next look, which needs it too. */
function tryAll(open: () => (KeyWatch | undefined)[]): KeyWatch[] | undefined {
  let found: (KeyWatch | undefined)[];
  try {
    found = open();
  } catch {
    return undefined;
  }
  const opened = found.filter((watch) => watch !== undefined);
  if (opened.length === found.length) return opened;
  for (const watch of opened) watch.close();
  return undefined;
}
