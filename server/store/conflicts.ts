import type { ExpressionBuilder } from 'kysely';
import { newId } from './ids.ts';
import type { ConflictRow, Tables } from './schema.ts';
import type { Db, Trx } from './store.ts';

type NewConflict = Pick<ConflictRow, 'device_id' | 'kind' | 'claimant_user_id' | 'candidate_id'> & {
  claimant: Record<string, unknown>;
};

/** Opens a conflict, or finds the open one of the same kind, claimant and candidate: a client that tries again adds none. */
export async function openConflict(
  trx: Trx,
  now: number,
  conflict: NewConflict,
): Promise<{ row: ConflictRow; isNew: boolean }> {
  const known = await trx
    .selectFrom('conflicts')
    .selectAll()
    .where('device_id', '=', conflict.device_id)
    .where('state', '=', 'open')
    .where('kind', '=', conflict.kind)
    .where('claimant_user_id', 'is not distinct from', conflict.claimant_user_id)
    .where('candidate_id', 'is not distinct from', conflict.candidate_id)
    .executeTakeFirst();
  if (known) return { row: known, isNew: false };
  const row: ConflictRow = {
    id: newId(now),
    ...conflict,
    claimant: JSON.stringify(conflict.claimant),
    state: 'open',
    resolution: null,
    resolved_by: null,
    resolved_at: null,
    created_at: now,
  };
  await trx.insertInto('conflicts').values(row).execute();
  return { row, isNew: true };
}

export type OpenConflict = Pick<ConflictRow, 'id' | 'kind'>;

/** The open conflict of each device that has one: the one that holds it up, where one does. */
export async function openConflictsOf(db: Db | Trx, deviceIds: readonly string[]): Promise<Map<string, OpenConflict>> {
  if (deviceIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('conflicts')
    .select(['id', 'kind', 'device_id'])
    .where('device_id', 'in', [...deviceIds])
    .where('state', '=', 'open')
    .orderBy('created_at', 'desc')
    .execute();
  const [heldUp, flagged] = [rows.filter(disputes), rows.filter((row) => !disputes(row))];
  return new Map([...flagged, ...heldUp].map(({ device_id: device, id, kind }) => [device, { id, kind }]));
}

/** Whether somebody proved something for it, or holds a key: a serial number that a machine merely reports holds up nobody else's device. */
export const disputes = ({ kind }: Pick<ConflictRow, 'kind'>): boolean => kind !== 'same-serial';

/** An open conflict that puts a device in doubt; undefined where there is none. */
export async function openDisputeOver(db: Db | Trx, deviceId: string): Promise<{ id: string } | undefined> {
  return db
    .selectFrom('conflicts')
    .select('id')
    .where((eb) => overDevice(eb, deviceId))
    .where('state', '=', 'open')
    .where('kind', '!=', 'same-serial')
    .executeTakeFirst();
}

/** Conflicts that somebody proved something for reach both records: two that hold one TPM are both in doubt until they are joined. */
function overDevice(eb: ExpressionBuilder<Tables, 'conflicts'>, deviceId: string) {
  return eb.or([
    eb('device_id', '=', deviceId),
    eb.and([eb('candidate_id', '=', deviceId), eb('kind', '=', 'other-record')]),
  ]);
}
