import type { SettingsChange } from '../../contract/administration.ts';
import type { TeamSettings } from '../../contract/settings.ts';

/** The fields of a draft that differ from what is saved, of `sources` only the changed ones; null where nothing differs. */
export function changesOf(saved: TeamSettings, draft: TeamSettings): SettingsChange | null {
  const { sources, acceptSoftwareTpm: _, ...fields } = draft;
  const differs = ([name, value]: [string, unknown]): boolean =>
    JSON.stringify(value) !== JSON.stringify(saved[name as keyof TeamSettings]);
  const changed = Object.fromEntries(Object.entries(fields).filter(differs));
  const changedSources = Object.fromEntries(
    Object.entries(sources).filter(
      ([source, policy]) => JSON.stringify(policy) !== JSON.stringify(saved.sources[source as keyof typeof sources]),
    ),
  );
  const change = { ...changed, ...(Object.keys(changedSources).length > 0 ? { sources: changedSources } : {}) };
  return Object.keys(change).length > 0 ? (change as SettingsChange) : null;
}

/** Lines with something in them, while the last one may still be typed. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

export const numberOrNull = (text: string): number | null => {
  const number = Number.parseInt(text, 10);
  return Number.isInteger(number) && number > 0 ? number : null;
};
