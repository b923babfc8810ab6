/**
 * What a decision over a record and its candidate names in If-Match, without the quotes: `record.candidate`, so that a change of either
 * ends it; the record's version alone where there is no candidate.
 */
export function shownVersion(record: { version: number }, candidate: { version: number } | null): string {
  return candidate === null ? String(record.version) : `${record.version}.${candidate.version}`;
}
