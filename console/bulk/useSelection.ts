import { useCallback, useRef, useState } from 'react';
import type { ConsoleEvent } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { type ConsoleProblem, type DeviceQuery, FULL_PAGE, problemOf } from '../api/client.ts';
import { useConsole, useEvents } from '../Console.tsx';
import { type DeviceList, matches } from '../useDevices.ts';

/** Devices that one run may take: enough for a fleet's morning, and little enough to be looked through. */
const MOST = 5000;

export type Selection = {
  /** Every chosen device, each as it was last on the screen or, where it never was, as it was when it was chosen. */
  chosen: readonly Device[];
  has: (id: string) => boolean;
  toggle: (device: Device) => void;
  set: (devices: readonly Device[]) => void;
  /** Chooses every device that the server finds with the filters of the list, shown or not. */
  selectMatching: () => void;
  /** How many were found so far, while that goes on. */
  collecting: number | null;
  problem: ConsoleProblem | null;
};

/** What is chosen of a list that may be longer than what is shown. */
export function useSelection(list: DeviceList, query: DeviceQuery): Selection {
  const { api } = useConsole();
  const key = JSON.stringify(query);
  const [selected, setSelected] = useState<{ key: string; devices: ReadonlyMap<string, Device> }>({
    key,
    devices: new Map(),
  });
  const [collecting, setCollecting] = useState<number | null>(null);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const current = useRef(key);
  current.current = key;
  // Other filters are another question: nothing that is out of sight stays chosen.
  const devices = selected.key === key ? selected.devices : NOTHING;
  const set = useCallback(
    (some: readonly Device[]) => setSelected({ key, devices: new Map(some.map((device) => [device.id, device])) }),
    [key],
  );

  useEvents(
    useCallback(({ device }: ConsoleEvent) => {
      const { search: _, ...facts } = JSON.parse(current.current) as DeviceQuery;
      if (matches(device, facts)) return;
      setSelected((before) => {
        if (!before.devices.has(device.id)) return before;
        return { ...before, devices: new Map([...before.devices].filter(([id]) => id !== device.id)) };
      });
    }, []),
  );

  const collect = async (): Promise<void> => {
    const found: Device[] = [];
    setProblem(null);
    setCollecting(0);
    try {
      let cursor: string | null = null;
      do {
        const page = await api.devices(JSON.parse(key) as DeviceQuery, cursor, FULL_PAGE);
        found.push(...page.devices);
        cursor = page.next;
        setCollecting(found.length);
      } while (cursor !== null && found.length < MOST && current.current === key);
      if (current.current === key) set(found);
    } catch (thrown) {
      setProblem(problemOf(thrown));
    } finally {
      setCollecting(null);
    }
  };

  const shown = new Map(list.devices?.map((device) => [device.id, device]));
  return {
    chosen: [...devices.values()].map((device) => shown.get(device.id) ?? device),
    has: (id) => devices.has(id),
    toggle: (device) =>
      set(
        devices.has(device.id)
          ? [...devices.values()].filter(({ id }) => id !== device.id)
          : [...devices.values(), device],
      ),
    set,
    selectMatching: () => void collect(),
    collecting,
    problem,
  };
}

const NOTHING: ReadonlyMap<string, Device> = new Map();
