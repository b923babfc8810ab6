import type { SelfDevice } from './device.ts';

/** Which screen an enrolled device gets; derived, so that window, tray and notifications agree. Free of zod: the window bundles it. */
export type EnrolledScreen = 'waiting' | 'approved' | 'refused' | 'quarantined' | 'conflict' | 'deleted';
export function enrolledScreen(device: Pick<SelfDevice, 'approval' | 'lifecycle' | 'conflict'>): EnrolledScreen {
  if (device.lifecycle === 'deleted') return 'deleted';
  if (device.approval === 'refused') return 'refused';
  if (device.conflict) return 'conflict';
  if (device.lifecycle === 'quarantined') return 'quarantined';
  return device.approval === 'approved' ? 'approved' : 'waiting';
}
