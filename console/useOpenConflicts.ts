import { useCallback, useEffect, useRef, useState } from 'react';
import type { ConsoleEvent } from '../contract/decisions.ts';
import { problemOf } from './api/client.ts';
import { useConsole, useEvents } from './Console.tsx';

const PAUSE_MS = 400;

/** How many conflicts wait for somebody, as text (`50+` where there are more than a page); empty while there is none. */
export function useOpenConflicts(): string {
  const { api, generation } = useConsole();
  const [text, setText] = useState('');
  const seen = useRef(new Map<string, string | null>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const load = useCallback(async () => {
    try {
      const { conflicts, next } = await api.conflicts('open', null);
      setText(conflicts.length === 0 ? '' : `${conflicts.length}${next === null ? '' : '+'}`);
    } catch (thrown) {
      // The view of the conflicts tells why they cannot be read; a number beside its name does not.
      problemOf(thrown);
    }
  }, [api]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that events may have been missed
  useEffect(() => {
    void load();
    return () => clearTimeout(timer.current);
  }, [load, generation]);
  useEvents(
    useCallback(
      ({ device }: ConsoleEvent) => {
        const before = seen.current.get(device.id);
        seen.current.set(device.id, device.conflictId);
        // A device that was not heard of before may have had a conflict that is resolved now.
        if (before === undefined ? device.conflictId !== null || text !== '' : before !== device.conflictId) {
          // Many devices may change at once, and one look tells of them all.
          clearTimeout(timer.current);
          timer.current = setTimeout(() => void load(), PAUSE_MS);
        }
      },
      [load, text],
    ),
  );
  return text;
}
