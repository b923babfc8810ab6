import { approvalReason } from '../../contract/index.ts';
import type { Actor } from '../store/audit.ts';
import type { DeviceRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';
import { findUser } from '../store/users.ts';

type Name = string | null | undefined;

/** Whether the person behind this decision asked for the device or owns it; a token stands for whoever made it. */
export async function isOwnRequest(trx: Trx, device: DeviceRow, actor: Actor): Promise<boolean> {
  const owner = device.owner_id === null ? undefined : await findUser(trx, device.owner_id);
  const theirs = await peopleBehind(trx, [device.requested_by, owner?.email]);
  return (await peopleOf(trx, actor)).some((person) => theirs.includes(person));
}

/**
 * What becomes of an approval when a device gets an owner: where the Team Setting forbids that people approve their own, it waits again if
 * the new owner approved it, or takes it for themselves.
 */
export async function approvalForOwner(
  trx: Trx,
  device: Pick<DeviceRow, 'approval' | 'decided_by'>,
  ownerEmail: string,
  by: Actor | undefined,
): Promise<Partial<Pick<DeviceRow, 'approval' | 'approval_reason' | 'decided_by' | 'decided_at'>>> {
  if (device.approval !== 'approved' || !(await loadSettings(trx)).selfApprovalForbidden) return {};
  const people = [...(await peopleBehind(trx, [device.decided_by])), ...(by ? await peopleOf(trx, by) : [])];
  if (!people.includes(ownerEmail.toLowerCase())) return {};
  return {
    approval: 'pending',
    approval_reason: approvalReason('own-decision'),
    decided_by: null,
    decided_at: null,
  };
}

async function peopleOf(trx: Trx, actor: Actor): Promise<string[]> {
  if (actor.type !== 'token' || actor.id === null) return actor.name === null ? [] : [actor.name.toLowerCase()];
  const token = await trx.selectFrom('tokens').select('created_by').where('id', '=', actor.id).executeTakeFirst();
  return [actor.name, token?.created_by].flatMap((name) => (name == null ? [] : [name.toLowerCase()]));
}

/** Names as they stand in a record, lower case. Records name a token by its name: whoever made one of that name counts. */
async function peopleBehind(trx: Trx, names: readonly Name[]): Promise<string[]> {
  const known = names.filter((name) => name != null);
  if (known.length === 0) return [];
  const makers = await trx.selectFrom('tokens').select('created_by').distinct().where('name', 'in', known).execute();
  return [...known, ...makers.map((row) => row.created_by)].map((name) => name.toLowerCase());
}
