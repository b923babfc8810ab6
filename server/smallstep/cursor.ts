import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { refuseSmallstep } from './refusal.ts';

/** Where a page ended: the value it was sorted by, and the id that tells equal ones apart. */
export type Position = { value: string | number; id: string };

const tag = (key: Uint8Array, body: string): Buffer => createHmac('sha256', key).update(body).digest().subarray(0, 16);

/** Names the list that a cursor belongs to: the same filters and order, whatever the page size. */
export const listName = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);

function encodeCursor(key: Uint8Array, list: string, position: Position): string {
  const body = Buffer.from(JSON.stringify([list, position.value, position.id])).toString('base64url');
  return `${body}.${tag(key, body).toString('base64url')}`;
}

/** Errors: a refusal with 400 where the cursor is none of ours, or belongs to another list. */
export function decodeCursor(key: Uint8Array, list: string, cursor: string): Position {
  const [body, mac] = cursor.split('.');
  const given = Buffer.from(mac ?? '', 'base64url');
  const expected = tag(key, body ?? '');
  if (!body || given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return refuseSmallstep(400, 'pagination[after] must be copied from the X-Next-Cursor header of an earlier page.');
  }
  const [ofList, value, id] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
    string,
    string | number,
    string,
  ];
  if (ofList !== list)
    return refuseSmallstep(400, 'pagination[after] belongs to a list with other filters or another order.');
  return { value, id };
}

/** The header that leads to the next page; none after the last. */
export function nextCursor(
  call: { context: { cursorKey: Uint8Array } },
  list: string,
  next: Position | null,
): Record<string, string> {
  return next === null ? {} : { 'x-next-cursor': encodeCursor(call.context.cursorKey, list, next) };
}
