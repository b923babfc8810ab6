import { createHmac, timingSafeEqual } from 'node:crypto';
import { refuse } from '../error.ts';

export type Position = { at: number; id: string };

const macOf = (key: Uint8Array, body: string): Buffer =>
  createHmac('sha256', key).update(body).digest().subarray(0, 16);

/** An opaque cursor: where the last page ended, and which filters it belongs to; authenticated, so that it cannot be made up. */
export function writeCursor(key: Uint8Array, position: Position, filters: string): string {
  const body = Buffer.from(JSON.stringify([position.at, position.id, filters])).toString('base64url');
  return `${body}.${macOf(key, body).toString('base64url')}`;
}

/** Error: `invalid-request` for a cursor that is none of ours or belongs to other filters. */
export function readCursor(key: Uint8Array, text: string, filters: string): Position {
  const [body = '', mac = ''] = text.split('.');
  const given = Buffer.from(mac, 'base64url');
  const expected = macOf(key, body);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return wrong();
  const [at, id, made] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [number, string, string];
  return made === filters ? { at, id } : wrong();
}

function wrong(): never {
  return refuse('invalid-request', undefined, {
    errors: [{ pointer: '#/querystring/cursor', detail: 'is not a cursor of this list with these filters' }],
  });
}
