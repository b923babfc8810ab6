import { type ManagedSettings, openManagedSettings } from '../app/managedSettings.ts';
import type { Logger } from '../app/ports.ts';
import { MANAGED_PLACES } from '../contract/index.ts';
import { openSettingsSource } from '../native/settings/index.ts';

/** What IT set on this machine. Whoever opens it closes it. */
export function openManaged(log: Logger): Promise<ManagedSettings> {
  return openManagedSettings(openSettingsSource(MANAGED_PLACES), log);
}

/** The same settings without the provisioning token, for a command that decides itself whether to use it. */
export function withoutToken(managed: ManagedSettings): ManagedSettings {
  return {
    ...managed,
    current() {
      const { profile, problems } = managed.current();
      const { ProvisioningToken: _, ...rest } = profile;
      return { profile: rest, problems };
    },
    effective: (name, chosen) => (name === 'ProvisioningToken' ? undefined : managed.effective(name, chosen)),
  };
}
