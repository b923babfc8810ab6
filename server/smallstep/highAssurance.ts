import type { TeamSettings } from '../../contract/index.ts';
import { attestationState, deriveAssurance } from '../policy/assurance.ts';
import type { DeviceRow } from '../store/schema.ts';

/** `highAssurance` is derived from the facts as they are now, like everywhere. */
export function isHighAssurance(
  device: DeviceRow,
  { settings, demo, now }: { settings: TeamSettings; demo: boolean; now: number },
): boolean {
  const attestation = attestationState(device.attestation, device.attested_at, settings.attestationMaxAgeDays, now);
  const facts = {
    approval: device.approval,
    lifecycle: device.lifecycle,
    attestation,
    ekClass: device.ek_class,
    ownerBound: device.owner_id !== null,
    shared: device.shared === 1,
    claimOnly: device.asserted === 0,
    secureBoot: device.secure_boot,
  };
  return deriveAssurance(facts, { ...settings, demo }).level === 'high';
}
