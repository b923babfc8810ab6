import { audit } from '../store/audit.ts';
import { markInviteOpened, openInvite } from '../store/invites.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';

export type BindInvite = (secret: string, caller: Caller) => Promise<string | undefined>;

/**
 * Takes the invite that a device without a browser sends: answers what is kept of it, or undefined for one that is not known, expired,
 * used or revoked, which are not told apart. Spends nothing: that is for a completed enrolment.
 */
export function createBindInvite(store: Store, now: () => number): BindInvite {
  return async (secret, { address, requestId }) => {
    const invite = await openInvite(store.db, now(), secret);
    if (!invite) return undefined;
    await store.write(async (trx) => {
      await markInviteOpened(trx, now(), invite.id);
      await audit(trx, now(), {
        actor: { type: 'person', id: null, name: invite.email, address },
        action: 'invite.opened',
        subject: { type: 'invite', id: invite.id },
        after: { by: 'device' },
        requestId,
      });
    });
    return invite.hash;
  };
}
