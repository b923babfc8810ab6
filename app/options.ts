import type { AppSnapshot } from '../contract/index.ts';
import type { ManagedSettings } from './managedSettings.ts';
import type { SettingsInForce } from './settings.ts';
import type { SignIn } from './signIn.ts';

export type AppOptions = {
  version: string;
  platform: AppSnapshot['platform'];
  host: AppSnapshot['host'];
  /** Used where neither policy nor the person named a server. */
  serverUrl?: string | undefined;
  /** What the organization set; the owner closes it. */
  managed?: ManagedSettings | undefined;
  help: { help: string; privacy: string };
  /** How a person signs in; by default as the settings say, in the browser or with a code. */
  signIn?: SignIn | undefined;
  /** Told of the settings in force at the start and after every change (start at login, updates). */
  onSettings?: ((settings: SettingsInForce) => void) | undefined;
};
