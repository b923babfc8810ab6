import { useCallback, useRef, useState } from 'react';
import type { ConsoleEvent, DevicePage } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { type ConsoleProblem, type DeviceQuery, FULL_PAGE, problemOf } from '../api/client.ts';
import { useConsole, useEvents } from '../Console.tsx';
import { type DeviceList, matches } from '../useDevices.ts';

/** Devices that one run may take: enough for a fleet's morning, and little enough to be looked through. */
export const MOST = 5000;

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
  /** The server has more that match than a run may take, and they were left out. */
  capped: boolean;
  problem: ConsoleProblem | null;
};

/**
 * Every device that the pages of `read` hold, as far as a run may take them; `tell` hears how many were found so far and says whether to go on.
 * `capped` where there may be more: a page may end short with a place to go on from and nothing behind it.
 */
export async function collectMatching(
  read: (cursor: string | null) => Promise<DevicePage>,
  tell: (count: number) => boolean,
): Promise<{ devices: Device[]; capped: boolean }> {
  const devices: Device[] = [];
  let cursor: string | null = null;
  do {
    const page: DevicePage = await read(cursor);
    devices.push(...page.devices);
    cursor = page.next;
  } while (tell(devices.length) && cursor !== null && devices.length < MOST);
  return { devices: devices.slice(0, MOST), capped: cursor !== null || devices.length > MOST };
}

/** What is chosen of a list that may be longer than what is shown. */
export function useSelection(list: DeviceList, query: DeviceQuery): Selection {
  const { api } = useConsole();
  const key = JSON.stringify(query);
  const [selected, setSelected] = useState<{ key: string; devices: ReadonlyMap<string, Device> }>({
    key,
    devices: new Map(),
  });
  const [collecting, setCollecting] = useState<number | null>(null);
  const [capped, setCapped] = useState<string | null>(null);
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
    setProblem(null);
    setCapped(null);
    setCollecting(0);
    try {
      const query = JSON.parse(key) as DeviceQuery;
      const { devices: found, capped: more } = await collectMatching(
        (cursor) => api.devices(query, cursor, FULL_PAGE),
        (count) => {
          setCollecting(count);
          return current.current === key;
        },
      );
      if (current.current === key) {
        set(found);
        setCapped(more ? key : null);
      }
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
    capped: capped === key && devices.size > 0,
    problem,
  };
}

const NOTHING: ReadonlyMap<string, Device> = new Map();
