import type { TeamSettings } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { openInvite, openInviteByHash } from '../store/invites.ts';
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

/** An invite on its way through a sign-in: its secret in the person's browser, or bound to the device code of the command line, hashed. */
export type PresentedInvite = { from: 'browser'; secret: string } | { from: 'device'; hash: string };

/** The presented invite while it may be used. */
export async function findInvite(
  db: Db | Trx,
  now: number,
  presented: PresentedInvite | undefined,
): Promise<InviteRow | undefined> {
  if (presented === undefined) return undefined;
  return presented.from === 'browser'
    ? openInvite(db, now, presented.secret)
    : openInviteByHash(db, now, presented.hash);
}

/**
 * Whether a signed-in person may enrol a device by themselves: with an invite for their address, or because the team turned self-enrolment
 * on. An invite that the device itself sent has to hold in any case. Returns the invite, which only a completed enrolment spends. Errors:
 * `source-not-allowed`, `sign-in-failed`, `invite-refused`, `self-enrolment-off`.
 */
export async function checkSelfEnrolment(
  db: Db | Trx,
  now: number,
  settings: TeamSettings,
  user: UserRow,
  presented: PresentedInvite | undefined,
): Promise<InviteRow | null> {
  if (!settings.sources['End-User'].allowed) refuse('source-not-allowed');
  if (user.active !== 1) refuse('sign-in-failed', 'This account is no longer active.');
  const invite = await findInvite(db, now, presented);
  const mine = invite !== undefined && invite.email_lower === user.email_lower ? invite : null;
  if (mine === null && (presented?.from === 'device' || !settings.selfEnrolment)) {
    if (presented === undefined) refuse('self-enrolment-off');
    refuse('invite-refused', invite ? 'This invite is for another address than yours.' : undefined);
  }
  return mine;
}
