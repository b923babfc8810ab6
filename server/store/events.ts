import type { EventRow } from './schema.ts';
import { type Db, nextNumber, type Trx } from './store.ts';

/** Notes that a device changed; streams send the device as it is when they send. Call inside the transaction of the change. */
export async function recordEvent(trx: Trx, now: number, type: EventRow['type'], deviceId: string): Promise<void> {
  const seq = await nextNumber(trx, 'events');
  await trx.insertInto('events').values({ seq, type, device_id: deviceId, at: now }).execute();
}

/** Events after `seq`, oldest first. */
export async function eventsAfter(db: Db, seq: number, limit: number): Promise<EventRow[]> {
  return db.selectFrom('events').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute();
}

export async function lastEvent(db: Db): Promise<number> {
  const row = await db.selectFrom('counters').select('value').where('name', '=', 'events').executeTakeFirst();
  return Number(row?.value ?? 0);
}
