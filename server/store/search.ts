import { type Kysely, sql } from 'kysely';
import { shortIdentifier } from '../../contract/index.ts';
import type { DeviceRow, Tables } from './schema.ts';

/** Chinese and Japanese write no spaces: each character is a word of its own, so that a name is found from its middle too. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;

/** Lower case without accents or control characters, as search compares it. */
const fold = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\p{Cc}+/gu, ' ')
    .replace(UNSPACED, ' $& ');

/** What search looks through: name, serial number, identifier (as it is, and short as people read it), owner's address. */
export function searchText(
  device: Pick<DeviceRow, 'name' | 'serial' | 'permanent_identifier'>,
  ownerEmail: string | null,
): string {
  const { name, serial, permanent_identifier: identifier } = device;
  const fields = [name, serial, identifier, shortIdentifier(identifier), ownerEmail].map((field) => fold(field ?? ''));
  return [...new Set(fields.map((field) => field.trim()).filter((field) => field !== ''))].join('\n');
}

/** One thing that was searched for: `literal` must stand in the search text as it is. */
export type SearchTerm = { literal: string };

/** The terms of a search as a person types it: separated by spaces, at most eight. One without a letter or digit finds nothing. */
export function searchTerms(typed: string): SearchTerm[] {
  return typed
    .split(/\s+/u)
    .map((piece) => fold(piece).trim())
    .filter((piece) => piece !== '')
    .slice(0, 8)
    .map((literal) => ({ literal }));
}

/** A term as SQL's `like` takes it, with `\` as the escape. */
export const likePattern = ({ literal }: SearchTerm): string =>
  `%${literal.replace(/[\\%_]/g, (character) => `\\${character}`)}%`;

/**
 * Numbers of the devices that may match every term, highest first and below `before`: those that have the words of each term, the last one
 * as the beginning of a word. The caller compares punctuation, which words do not keep ({@link likePattern}). Costs the same in an inventory
 * of any size, since words and their beginnings are looked up, not looked for. The one function that another store must bring of its own.
 */
export async function searchNumbers(
  db: Kysely<Tables>,
  terms: readonly SearchTerm[],
  { before, limit }: { before: number; limit: number },
): Promise<number[]> {
  if (terms.length === 0 || terms.some(({ literal }) => !/[\p{L}\p{N}]/u.test(literal))) return [];
  const words = terms.map(({ literal }) => `"${literal.replaceAll('"', '""')}"*`).join(' ');
  const { rows } = await sql<{ number: number }>`select rowid as number from device_search
    where device_search match ${words} and rowid < ${before} order by rowid desc limit ${limit}`.execute(db);
  return rows.map((row) => Number(row.number));
}
