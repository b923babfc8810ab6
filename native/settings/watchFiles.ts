import { existsSync, type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** A folder that is there and cannot be watched must not be tried for ever. */
const MAX_TRIES = 10;

/**
 * Calls back when one of the files may have changed. Watches their folders, so that a file replaced by rename is seen, and while a folder is
 * absent the nearest one above it that is there, so that the watch follows when it appears or goes. Never keeps the process alive.
 */
export function watchFiles(paths: readonly string[], changed: () => void): () => void {
  const stops = paths.map((path) => watchFile(path, changed));
  return () => {
    for (const stop of stops) stop();
  };
}

function watchFile(path: string, changed: () => void): () => void {
  const folder = dirname(path);
  let watcher: FSWatcher | undefined;
  let stopped = false;

  const attach = (tries = 0): void => {
    watcher?.close();
    if (stopped) return;
    watcher = tryWatch(folder, (name) => {
      if (name === basename(path) || name === null) changed();
      // The folder itself was moved or removed: its own name is reported.
      if (name === basename(folder)) reattach();
    });
    for (let absent = folder; !watcher && dirname(absent) !== absent; absent = dirname(absent)) {
      const awaited = basename(absent);
      watcher = tryWatch(dirname(absent), (name) => {
        if (name === awaited || name === null) reattach();
      });
      // It came between the two attempts: nobody will tell of it any more.
      if (watcher && existsSync(absent) && tries < MAX_TRIES) {
        attach(tries + 1);
        return;
      }
    }
    watcher?.on('error', reattach);
    watcher?.unref();
  };
  const reattach = () => {
    attach();
    changed();
  };

  attach();
  return () => {
    stopped = true;
    watcher?.close();
  };
}

function tryWatch(folder: string, listener: (name: string | null) => void): FSWatcher | undefined {
  try {
    return watch(folder, (_event, name) => listener(name));
  } catch {
    // Absent, or out of inotify watches: the watch above it or the caller's next look sees it.
    return undefined;
  }
}
