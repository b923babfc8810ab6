/** One place that holds settings; `values` is unchecked: the caller validates it against its schema. */
export type SettingsLayer = { scope: 'machine' | 'person'; location: string; values: unknown };

/**
 * What one look at the machine found. `read`: all there is, strongest first; empty where the organization set nothing.
 * `malformed`: it can be trusted but not understood. `refused`: it is there, but someone other than IT could have written it.
 */
export type SettingsRead =
  | { kind: 'read'; layers: SettingsLayer[] }
  | { kind: 'malformed'; location: string; reason: string }
  | { kind: 'refused'; location: string; reason: string };

/** Where this operating system keeps what IT set. */
export interface SettingsSource {
  /** Registry names ignore case and have no booleans; the other carriers are exact. */
  readonly carrier: 'file' | 'registry' | 'preferences';
  /** Rejects where the operating system failed to answer: then nothing is known, which is not the same as "nothing set". */
  read(): Promise<SettingsRead>;
  /** Calls back when a new look is worthwhile, possibly too often; returns the way to stop. */
  watch(changed: () => void): () => void;
}

/** How often a source is looked at besides its watch, which may have missed something; and where nothing can be watched. */
export const LOOK_MS = { watched: 15 * 60_000, unwatched: 15_000 } as const;

/** Calls back every `ms`; never keeps the process alive. */
export function everyMs(ms: number, changed: () => void): () => void {
  const timer = setInterval(changed, ms);
  timer.unref();
  return () => clearInterval(timer);
}
