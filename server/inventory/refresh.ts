import { approvalReason, shortIdentifier } from '../../contract/index.ts';
import type { Actor } from '../store/audit.ts';
import { changeDevice } from '../store/devices.ts';
import { loadLayers } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { searchText } from '../store/search.ts';
import type { Trx } from '../store/store.ts';
import { ensureUserByEmail, findUser } from '../store/users.ts';
import { approvalForOwner } from './fourEyes.ts';
import { visibleOwner, visibleValues } from './layers.ts';
import { reportSameSerial } from './sameSerial.ts';
import { normalizeSerial } from './serials.ts';

export type Facts = Pick<DeviceRow, 'approval' | 'approval_reason' | 'decided_by' | 'decided_at' | 'lifecycle'>;

/** Columns whose change is worth an audit record. */
const AUDITED = [
  'name',
  'serial',
  'os',
  'ownership',
  'shared',
  'owner_id',
  'approval',
  'approval_reason',
  'lifecycle',
] as const satisfies readonly (keyof DeviceRow)[];

export type Refreshed = {
  device: DeviceRow;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
};

/**
 * Writes what the layers make visible into the device's row, with `facts` beside it, and raises its version where anything changed (a sync that brings nothing new wakes nobody). A
 * changed owner of an enrolled device needs a fresh decision: an approval was given for that person with that device.
 */
export async function refreshDevice(
  trx: Trx,
  now: number,
  device: DeviceRow,
  change: {
    facts?: Partial<Facts>;
    /** Looks at what has become visible and decides. */
    decide?: (device: DeviceRow, owner: string | null, tags: readonly string[]) => Promise<Partial<Facts>>;
    /** Takes the device from its owner, the one who enrolled it too. */
    unassign?: boolean;
    /** A layer changed in a way that no column shows. */
    touched?: boolean;
    /** Who names the owner, where that is a person or a token of theirs. */
    by?: Actor;
  } = {},
): Promise<Refreshed> {
  const layers = await loadLayers(trx, device);
  const visible = visibleValues(layers);
  const current = device.owner_id === null ? undefined : await findUser(trx, device.owner_id);
  const keepsEnrolled = device.enrolled_at !== null && !change.unassign;
  const owner = visibleOwner(visible, keepsEnrolled ? (current?.email ?? null) : null);
  const ownerId =
    owner === null
      ? null
      : current && current.email_lower === owner.email.toLowerCase()
        ? current.id
        : (await ensureUserByEmail(trx, now, { email: owner.email })).id;
  const ownerRow = ownerId === current?.id ? current : ownerId === null ? undefined : await findUser(trx, ownerId);
  const serial = normalizeSerial(visible.values.serial);
  const name = visible.values.displayName || serial || shortIdentifier(device.permanent_identifier);
  const next: DeviceRow = {
    ...device,
    name: name.slice(0, 256),
    serial,
    os: visible.values.os ?? null,
    ownership: visible.values.ownership ?? null,
    shared: layers.explicit.shared ? 1 : 0,
    tags: JSON.stringify(layers.explicit.tags ?? []),
    owner_id: ownerId,
    ...ownerChange(device, ownerId),
    ...change.facts,
  };
  if (ownerRow && ownerRow.id !== device.owner_id)
    Object.assign(next, await approvalForOwner(trx, next, ownerRow.email, change.by));
  if (change.decide)
    Object.assign(next, await change.decide(next, ownerRow?.email ?? null, layers.explicit.tags ?? []));
  next.search = searchText(next, ownerRow?.email ?? null);
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const column of AUDITED) {
    if (next[column] === device[column]) continue;
    before[column] = device[column];
    after[column] = next[column];
  }
  if (
    !change.touched &&
    Object.keys(after).length === 0 &&
    next.search === device.search &&
    next.tags === device.tags
  ) {
    return { device, before, after };
  }
  const { id, number: _number, version: _version, updated_at: _updatedAt, ...columns } = next;
  const stored = await changeDevice(trx, now, id, columns);
  if (stored.serial !== device.serial) await reportSameSerial(trx, now, stored);
  return { device: stored, before, after };
}

function ownerChange(device: DeviceRow, ownerId: string | null): Partial<Facts> {
  if (device.enrolled_at === null || device.owner_id === null || device.owner_id === ownerId) return {};
  if (device.approval !== 'approved') return {};
  return {
    approval: 'pending',
    approval_reason: approvalReason('owner-changed'),
    decided_by: null,
    decided_at: null,
  };
}
