import { configurationProfile } from '../../contract/configurationProfile.ts';
import { MANAGED_PLACES, ManagedProfile } from '../../contract/managedSettings.ts';
import { ServerError } from '../error.ts';
import { type Signer, signProfile } from './signProfile.ts';

export type { Signer } from './signProfile.ts';

export type ProfileRequest = {
  /** Unchecked: what the person typed. Names as in docs/deploy/settings.md. */
  settings: Record<string, unknown>;
  organization: string;
  /** Makes an upper-case UUID; a new one each time, so that a Mac takes the profile for a new version. */
  uuid: () => string;
  sign?: Signer;
  now: Date;
};

/**
 * The bytes of a .mobileconfig that forces `settings` on Macs: XML, or PKCS#7 (DER) where it is signed. Throws `configuration`
 * with the setting at fault, never its value.
 */
export function macProfile(request: ProfileRequest): Uint8Array {
  const parsed = ManagedProfile.safeParse(request.settings);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'} ${message}`);
    throw new ServerError('configuration', `The profile cannot be made: ${reasons.join('; ')}.`);
  }
  const xml = configurationProfile(parsed.data, {
    domain: MANAGED_PLACES.macosDomain,
    organization: request.organization,
    profileUuid: request.uuid(),
    settingsUuid: request.uuid(),
  });
  return request.sign ? signProfile(xml, request.sign, request.now) : new TextEncoder().encode(xml);
}
