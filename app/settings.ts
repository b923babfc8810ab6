import { effective, type ManagedProfile } from '../contract/index.ts';
import type { SettingsRecord } from './records.ts';

export const DEFAULT_SETTINGS: SettingsRecord = { version: 1, serverUrl: null, language: 'system' };

/** The settings in force: enforced policy, then the person's choice, then default policy, then what is built in. */
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
