import { evidenceReasonsDe } from '../../ui/messages/evidenceReasons.de.ts';

const PLACE = /\{(\w+)\}/g;
const patterns = evidenceReasonsDe.map(([english, german]) => {
  const names: string[] = [];
  const literal = english.split(PLACE).map((part, at) => {
    if (at % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    names.push(part);
    return '(.+)';
  });
  return { pattern: new RegExp(`^${literal.join('')}$`), names, german };
});

/** A sentence of stored evidence in German; undefined where its wording is not known. */
export function evidenceReasonInGerman(sentence: string): string | undefined {
  for (const { pattern, names, german } of patterns) {
    const values = pattern.exec(sentence)?.slice(1);
    if (values) return german.replace(PLACE, (place, name: string) => values[names.indexOf(name)] ?? place);
  }
  return undefined;
}
