import type { SelfDevice } from '../contract/index.ts';
import type { Context } from './command.ts';
import { EXIT, type ExitCode } from './exitCodes.ts';
import { printRows } from './print.ts';

/** What a person reads about their own device. */
export function printDevice(context: Context, device: SelfDevice): void {
  printRows(context, [
    ['Device', device.name],
    ['Team', device.team],
    ['Permanent identifier', device.permanentIdentifier],
    ['Approval', `${device.approval}${device.approvalReason ? ` (${device.approvalReason})` : ''}`],
    ['Owner', device.owner ? (device.owner.displayName ?? device.owner.email) : 'none'],
    ['Attestation', device.attestation],
    ['Assurance', device.assurance.level],
    ...device.assurance.reasons.map(({ supports, text }) => [supports ? '  +' : '  -', text] as const),
    ...(device.conflict ? [['Conflict', 'Another claim on this identifier waits for an administrator.'] as const] : []),
    ...(device.demo ? [['Demo', 'This is a demo inventory.'] as const] : []),
  ]);
}

/** One line for each change. */
export function deviceLine(device: SelfDevice): string {
  return `${device.approval}, attestation ${device.attestation}, assurance ${device.assurance.level}`;
}

export function exitOfDevice(device: SelfDevice): ExitCode {
  if (device.lifecycle === 'deleted') return EXIT.notEnrolled;
  switch (device.approval) {
    case 'approved':
      return EXIT.ok;
    case 'pending':
      return EXIT.pending;
    case 'refused':
      return EXIT.refused;
    default:
      return device.approval satisfies never;
  }
}
