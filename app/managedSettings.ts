import {
  aboutSetting,
  effective,
  MANAGED_NAMES,
  type ManagedName,
  type ManagedProfile,
  ManagedValues,
  managedStrengths,
  mergeProfiles,
  type Strength,
} from '../contract/index.ts';
import type { Logger } from './ports.ts';

/** What the operating system holds, unchecked (native/settings offers exactly this). */
export interface ManagedSource {
  readonly carrier: 'file' | 'registry' | 'preferences';
  read(): Promise<
    | { kind: 'read'; layers: { scope: 'machine' | 'person'; location: string; values: unknown }[] }
    | { kind: 'malformed' | 'refused'; location: string; reason: string }
  >;
  watch(changed: () => void): () => void;
}

/** A setting, or a whole place, that does not count, and why. Holds no value: it may be shown and logged. */
export type ManagedProblem = { location: string; name: string | null; reason: string };

export type ManagedState = { profile: ManagedProfile; problems: readonly ManagedProblem[] };

export interface ManagedSettings {
  current(): ManagedState;
  /** The value that holds: enforced policy > `chosen` by the person > default policy > built-in. */
  effective<N extends ManagedName>(name: N, chosen?: ManagedValues[N]): ManagedValues[N] | undefined;
  /** Keys as in the snapshot's settings (`serverUrl`, `startAtLogin`, …), for "managed by your organization". */
  strengths(): Record<string, Strength>;
  /** Looks again; looks never overlap. Resolves when the result counts. Never rejects: problems are logged and kept. */
  refresh(): Promise<void>;
  /** Calls back after each change of what holds; returns the way to stop. */
  subscribe(listener: (state: ManagedState) => void): () => void;
  close(): void;
}

const NOTHING: ManagedState = { profile: {}, problems: [] };

/** Reads what IT set, once before it resolves, and then follows every change until closed. */
export async function openManagedSettings(source: ManagedSource, log: Logger): Promise<ManagedSettings> {
  let state = NOTHING;
  let queue = Promise.resolve();
  let waiting = false;
  let closed = false;
  const listeners = new Set<(state: ManagedState) => void>();

  async function look(): Promise<void> {
    waiting = false;
    if (closed) return;
    const next = await readState(source, state);
    if (closed || JSON.stringify(next) === JSON.stringify(state)) return;
    for (const { location, name, reason } of newProblems(state, next)) {
      log.warn('A setting of your organization does not count.', { location, setting: name ?? '(all)', reason });
    }
    state = next;
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        // One follower's mistake must not end the looking for all.
        log.error('A change of managed settings was not taken up.', { what: String(error) });
      }
    }
  }

  function refresh(): Promise<void> {
    // One look that has not begun yet serves everyone who asks meanwhile.
    if (!waiting) {
      waiting = true;
      queue = queue.then(look);
    }
    return queue;
  }

  const unwatch = source.watch(() => void refresh());
  await refresh();
  return {
    current: () => state,
    effective: (name, chosen) => effective(state.profile, name, chosen),
    strengths: () =>
      Object.fromEntries(
        Object.entries(managedStrengths(state.profile)).map(([name, strength]) => [settingKey(name), strength]),
      ),
    refresh,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      unwatch();
      listeners.clear();
    },
  };
}

/** A look that fails or cannot be trusted keeps what was known; one that cannot be understood clears it. */
async function readState(source: ManagedSource, known: ManagedState): Promise<ManagedState> {
  try {
    const read = await source.read();
    switch (read.kind) {
      case 'read':
        return parseLayers(read.layers, source.carrier);
      case 'malformed':
        return { profile: {}, problems: [problem(read.location, null, read.reason)] };
      case 'refused':
        return { profile: known.profile, problems: [problem(read.location, null, read.reason)] };
      default:
        return read satisfies never;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { profile: known.profile, problems: [problem(source.carrier, null, reason)] };
  }
}

const problem = (location: string, name: string | null, reason: string): ManagedProblem => ({ location, name, reason });

function newProblems(before: ManagedState, after: ManagedState): readonly ManagedProblem[] {
  const known = new Set(before.problems.map((item) => JSON.stringify(item)));
  return after.problems.filter((item) => !known.has(JSON.stringify(item)));
}

type Layer = { scope: 'machine' | 'person'; location: string; values: unknown };

/** Checks each value for itself, so that one mistake costs one setting. Strongest layer first. */
export function parseLayers(layers: readonly Layer[], carrier: ManagedSource['carrier']): ManagedState {
  const problems: ManagedProblem[] = [];
  const profiles = { machine: {} as ManagedProfile, person: {} as ManagedProfile };
  for (const { scope, location, values } of layers.toReversed()) {
    const { Defaults, ...enforced } = asObject(values, carrier);
    const report = (name: string, reason: string) => problems.push(problem(location, name, reason));
    const root = parseValues(enforced, 'enforced', scope, carrier, report);
    const defaults = parseValues(asObject(Defaults, carrier), 'default', scope, carrier, (name, reason) =>
      report(`Defaults.${name}`, reason),
    );
    if (Defaults !== undefined && !isObject(Defaults)) report('Defaults', 'must hold settings');
    profiles[scope] = {
      ...profiles[scope],
      ...root,
      ...(Object.keys(defaults).length > 0 ? { Defaults: { ...profiles[scope].Defaults, ...defaults } } : {}),
    };
  }
  return { profile: mergeProfiles(profiles.machine, profiles.person), problems };
}

function parseValues(
  values: Record<string, unknown>,
  strength: Strength,
  scope: Layer['scope'],
  carrier: ManagedSource['carrier'],
  report: (name: string, reason: string) => void,
): ManagedValues {
  const accepted: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (!isManagedName(name)) {
      report(name, 'is not a setting that this version knows');
      continue;
    }
    const about = aboutSetting(name);
    if (!about.strengths.includes(strength)) report(name, 'can only be enforced, not a default');
    else if (scope === 'person' && about.scope === 'machine')
      report(name, 'counts only where it is set for the machine');
    else {
      const parsed = ManagedValues.shape[name].safeParse(fromCarrier(name, value, carrier));
      if (parsed.success) accepted[name] = parsed.data;
      else report(name, parsed.error.issues[0]?.message ?? 'is not valid');
    }
  }
  return accepted as ManagedValues;
}

/** The registry has no booleans: there 1 and 0 are what an administrative template writes for them. */
function fromCarrier(name: ManagedName, value: unknown, carrier: ManagedSource['carrier']): unknown {
  const isFlag = typeof aboutSetting(name).example === 'boolean';
  return carrier === 'registry' && isFlag && (value === 0 || value === 1) ? value === 1 : value;
}

/** Registry names ignore case; everything else is exact. */
function asObject(value: unknown, carrier: ManagedSource['carrier']): Record<string, unknown> {
  if (!isObject(value)) return {};
  if (carrier !== 'registry') return { ...value };
  const known = new Map([...MANAGED_NAMES, 'Defaults'].map((name) => [name.toLowerCase(), name]));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [known.get(name.toLowerCase()) ?? name, item]));
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isManagedName = (name: string): name is ManagedName => (MANAGED_NAMES as string[]).includes(name);

/** `ServerUrl` in a carrier is `serverUrl` in the bridge's settings. */
const settingKey = (name: string) => `${name[0]?.toLowerCase()}${name.slice(1)}`;
