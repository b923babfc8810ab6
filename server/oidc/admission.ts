import type { TeamSettings } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { openInvite } from '../store/invites.ts';
import type { InviteRow, UserRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import type { SignedIn } from '../store/users.ts';

/** Who may sign in here at all. Error: `sign-in-failed`. */
export function checkPerson(settings: TeamSettings, person: SignedIn): void {
  if (!person.emailVerified) {
    refuse('sign-in-failed', 'Your identity provider has not verified your e-mail address.');
  }
  const domain = person.email.slice(person.email.lastIndexOf('@') + 1).toLowerCase();
  const allowed = settings.allowedDomains.map((text) => text.toLowerCase());
  if (allowed.length > 0 && !allowed.includes(domain)) {
    refuse('sign-in-failed', 'People with addresses of this domain cannot sign in here.');
  }
}

/**
 * Whether a signed-in person may enrol a device by themselves: with an invite for their address, or because the team turned self-enrolment
 * on. Returns the invite, which only a completed enrolment spends. Errors: `source-not-allowed`, `sign-in-failed`, `invite-refused`,
 * `self-enrolment-off`, `device-limit`.
 */
export async function checkSelfEnrolment(
  db: Db | Trx,
  now: number,
  settings: TeamSettings,
  user: UserRow,
  inviteSecret: string | undefined,
): Promise<InviteRow | null> {
  if (!settings.sources['End-User'].allowed) refuse('source-not-allowed');
  if (user.active !== 1) refuse('sign-in-failed', 'This account is no longer active.');
  const invite = inviteSecret === undefined ? undefined : await openInvite(db, now, inviteSecret);
  const mine = invite !== undefined && invite.email_lower === user.email_lower ? invite : null;
  if (mine === null && !settings.selfEnrolment) {
    if (inviteSecret === undefined) refuse('self-enrolment-off');
    refuse('invite-refused', invite ? 'This invite is for another address than yours.' : undefined);
  }
  return mine;
}
