import type { AppSnapshot, AppState, Connection, ManagedProfile } from '../contract/index.ts';
import { createWake, type Wake } from './eventStream.ts';
import { type AppEvent, INITIAL, transition } from './machine.ts';
import type { AppOptions } from './options.ts';
import type { Ports } from './ports.ts';
import { type Exclusive, exclusive } from './prover.ts';
import { openSlots, type SettingsRecord, type Slots } from './records.ts';
import { DEFAULT_SETTINGS, type SettingsInForce, settingsInForce } from './settings.ts';

/** What changes while the app runs, besides the state machine's own state. */
export type Now = {
  connection: Connection;
  demo: boolean;
  chosen: SettingsRecord;
  /** The server that this session speaks to, where it is not the configured one. */
  target: string | null;
  serverQuestion: AppSnapshot['serverQuestion'];
};

/** State, settings and listeners: what the parts of the app share. */
export type Core = {
  ports: Ports;
  options: AppOptions;
  slots: Slots;
  /** One user of the hardware at a time. */
  alone: Exclusive;
  wake: Wake;
  /** Aborted when the app closes. */
  life: AbortController;
  now: Now;
  state(): AppState;
  profile(): ManagedProfile;
  settings(): SettingsInForce;
  snapshot(): AppSnapshot;
  dispatch(event: AppEvent): void;
  /** Tells every listener; for changes beside the state machine. */
  emit(): void;
  choose(change: Partial<SettingsRecord>): Promise<void>;
  left(): AppEvent;
  listeners: Set<(snapshot: AppSnapshot) => void>;
};

export function createCore(ports: Ports, options: AppOptions): Core {
  let state = INITIAL;
  const now: Now = {
    connection: { kind: 'online' },
    demo: false,
    chosen: DEFAULT_SETTINGS,
    target: null,
    serverQuestion: null,
  };
  const listeners: Core['listeners'] = new Set();
  const slots = openSlots(ports.store);
  const profile = () => options.managed?.current().profile ?? {};
  const settings = () => settingsInForce(profile(), now.chosen, options.serverUrl ?? null);

  function snapshot(): AppSnapshot {
    const { serverUrl, startAtLogin, language } = settings();
    const { version, platform, host } = options;
    const { connection, demo, serverQuestion } = now;
    return {
      state,
      connection,
      demo,
      version,
      platform,
      host,
      managed: options.managed?.strengths() ?? {},
      settings: { serverUrl, startAtLogin, language },
      serverQuestion,
    };
  }

  function emit(): void {
    const current = snapshot();
    for (const listener of listeners) listener(current);
  }

  return {
    ports,
    options,
    slots,
    alone: exclusive(),
    wake: createWake(),
    life: new AbortController(),
    now,
    state: () => state,
    profile,
    settings,
    snapshot,
    emit,
    listeners,
    dispatch(event) {
      const next = transition(state, event);
      if (next === state) return;
      state = next;
      ports.log.info('state', { kind: state.kind, ...(state.kind === 'enrolling' ? { step: state.step } : {}) });
      emit();
    },
    async choose(change) {
      now.chosen = { ...now.chosen, ...change };
      await slots.settings.write(now.chosen);
    },
    left: () => ({ type: 'left', serverUrl: settings().serverUrl, team: settings().team }),
  };
}
