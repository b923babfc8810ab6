import {
  type AppSnapshot,
  effective,
  type ManagedName,
  type ManagedProfile,
  managedStrengths,
} from '../contract/index.ts';
import type { SettingsRecord } from './records.ts';

/** Where the organization's settings come from; composition roots wire the platform's carrier. */
export interface ManagedSource {
  /** `{}` where nothing is set. Error: `policy-unreadable`; the last profile stays in force. */
  read(): Promise<ManagedProfile>;
  /** Calls back when the carrier may have changed; returns the way to stop. */
  watch(onChange: () => void): () => void;
}

export const DEFAULT_SETTINGS: SettingsRecord = { version: 1, serverUrl: null, language: 'system' };

/** The settings in force, with the precedence of DESIGN.md: enforced policy, the person, default policy, built-in. */
export function settingsInForce(profile: ManagedProfile, chosen: SettingsRecord, builtInServer: string | null) {
  return {
    serverUrl: effective(profile, 'ServerUrl', chosen.serverUrl ?? undefined) ?? builtInServer,
    team: effective(profile, 'Team', undefined) ?? null,
    selfEnrolment: effective(profile, 'SelfEnrolment', undefined) ?? 'browser',
    provisioningToken: effective(profile, 'ProvisioningToken', undefined) ?? null,
    startAtLogin: effective(profile, 'StartAtLogin', chosen.startAtLogin) ?? false,
    updates: effective(profile, 'Updates', undefined) ?? 'notify',
    /** Where the organization said nothing, the server's policy alone decides. */
    refuseSoftwareTpm: profile.AllowSoftwareTpm === false,
    language: chosen.language,
  };
}
export type SettingsInForce = ReturnType<typeof settingsInForce>;

/** The names that the window knows, for "managed by your organization". */
const WINDOW_NAMES: Partial<Record<ManagedName, keyof AppSnapshot['settings']>> = {
  ServerUrl: 'serverUrl',
  StartAtLogin: 'startAtLogin',
};

export function managedForWindow(profile: ManagedProfile): AppSnapshot['managed'] {
  const managed: AppSnapshot['managed'] = {};
  for (const [name, strength] of Object.entries(managedStrengths(profile))) {
    managed[WINDOW_NAMES[name as ManagedName] ?? name] = strength;
  }
  return managed;
}
