import type { TeamSettings } from '../../contract/index.ts';
import { viewOf } from '../devices/view.ts';
import type { DeviceRow } from '../store/schema.ts';

/** `highAssurance` is derived from the facts as they are now, like everywhere. */
export function isHighAssurance(
  device: DeviceRow,
  viewer: { settings: TeamSettings; demo: boolean; now: number },
): boolean {
  return viewOf(device, { owner: null, aliases: [], conflict: null }, viewer).assurance.level === 'high';
}
