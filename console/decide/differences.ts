import type { Device } from '../../contract/device.ts';

/** Facts that a decision rests on, in the order in which they are shown. */
const FIELDS = [
  'approval',
  'owner',
  'shared',
  'attestation',
  'ekClass',
  'ekCertificate',
  'secureBoot',
  'lifecycle',
  'ownership',
  'conflictId',
  'permanentIdentifier',
  'aliases',
  'serial',
  'name',
  'os',
  'osVersion',
  'source',
  'ceremonyCode',
] as const satisfies readonly (keyof Device)[];

export type ComparedField = (typeof FIELDS)[number];
export type Difference = { field: ComparedField; before: Device[ComparedField]; now: Device[ComparedField] };

/** What differs between the device that was on the screen and the device as it is now. */
export const differencesOf = (shown: Device, current: Device): Difference[] =>
  FIELDS.filter((field) => JSON.stringify(shown[field]) !== JSON.stringify(current[field])).map((field) => ({
    field,
    before: shown[field],
    now: current[field],
  }));
