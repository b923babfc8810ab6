import { type ManagedSettings, openManagedSettings } from '../app/managedSettings.ts';
import type { Logger } from '../app/ports.ts';
import { MANAGED_PLACES } from '../contract/index.ts';
import { openSettingsSource } from '../native/settings/index.ts';

/** What IT set on this machine. Whoever opens it closes it. */
export function openManaged(log: Logger): Promise<ManagedSettings> {
  return openManagedSettings(openSettingsSource(MANAGED_PLACES), log);
}
