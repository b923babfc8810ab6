import type { AuditRecord } from '../../contract/evidence.ts';
import type { ConsoleText } from '../text.ts';

/** Kinds of things that audit records are about, in the order in which the filter offers them. */
export const SUBJECTS = [
  'device',
  'conflict',
  'candidate',
  'ceremony',
  'grant',
  'invite',
  'person',
  'session',
  'settings',
  'token',
  'provisioning-token',
  'mdm',
  'certificate',
  'ca-webhook',
  'keys',
  'roots',
] as const;

const ACTORS = ['administrator', 'person', 'device', 'token', 'server', 'mdm'] as const;

const ACTIONS = [
  'device.enrolled',
  'device.imported',
  'device.approved',
  'device.refused',
  'device.updated',
  'device.attested',
  'device.judged',
  'device.activated',
  'device.alias',
  'device.quarantined',
  'device.deleted',
  'device.forgotten',
  'device.unenrolled',
  'device.gone-from-mdm',
  'conflict.opened',
  'conflict.resolved',
  'candidate.joined',
  'candidate.refused',
  'ceremony.confirmed',
  'ceremony.refused',
  'grant.made',
  'invite.made',
  'invite.opened',
  'invite.revoked',
  'person.changed',
  'person.role',
  'person.sign-in',
  'session.opened',
  'session.closed',
  'settings.changed',
  'token.made',
  'token.revoked',
  'provisioning-token.created',
  'provisioning-token.revoked',
  'mdm.connected',
  'mdm.synced',
  'ca-webhook.entered',
  'ca-webhook.changed',
  'ca-webhook.removed',
  'certificate.asked',
  'keys.rotated',
  'keys.sealed-anew',
  'roots.added',
  'roots.trusted',
  'roots.distrusted',
] as const;

/** What an action is called; one that is not known yet is shown as the record has it. */
export function actionText(action: string, t: ConsoleText): string {
  const known = ACTIONS.find((one) => one === action);
  return known ? t(`audit.action.${known}`) : action;
}

export function actorText(actor: AuditRecord['actor'], t: ConsoleText): string {
  if (actor.name ?? actor.knownAs) return actor.name ?? actor.knownAs ?? '';
  const known = ACTORS.find((one) => one === actor.type);
  return known ? t(`audit.actor.${known}`) : actor.type;
}
