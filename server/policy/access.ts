import type { AccessAnswer, AssuranceReason, Device } from '../../contract/index.ts';

type Level = AccessAnswer['level'];

/** What keeps a device out at the level `normal`: it need not have attested, but nothing may speak against it. */
const ALWAYS: readonly AssuranceReason['code'][] = ['not-approved', 'not-active', 'attestation-failed'];

/**
 * Whether a device may reach what is protected, with every reason against it. A device that the inventory does not hold may not.
 * `disputed`: an open conflict that somebody proved something for; a serial number that another device merely reports is none.
 */
export function decideAccess(device: Device | null, level: Level, disputed: boolean): AccessAnswer {
  if (device === null) {
    const reasons = [{ code: 'unknown-device' as const, text: 'The inventory does not hold this device.' }];
    return { allow: false, level, device: null, reasons };
  }
  const against = device.assurance.reasons.filter(({ supports }) => !supports);
  const reasons: AccessAnswer['reasons'] = against
    .filter(({ code }) => level === 'high' || ALWAYS.includes(code))
    .map(({ code, text }) => ({ code, text }));
  if (disputed) reasons.push({ code: 'conflict', text: 'Two claims on this device are open.' });
  if (device.candidateOf !== null) {
    reasons.push({ code: 'conflict', text: 'It only claims an identifier that another record holds.' });
  }
  return {
    allow: reasons.length === 0,
    level,
    device: {
      id: device.id,
      permanentIdentifier: device.permanentIdentifier,
      owner: device.owner?.email ?? null,
      assurance: device.assurance.level,
    },
    reasons,
  };
}
