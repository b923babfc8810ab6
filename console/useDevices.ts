import { useCallback, useEffect, useRef, useState } from 'react';
import type { ConsoleEvent } from '../contract/decisions.ts';
import type { Device } from '../contract/device.ts';
import { type ConsoleProblem, type DeviceQuery, problemOf } from './api/client.ts';
import { useConsole, useEvents } from './Console.tsx';

export type DeviceList = {
  devices: readonly Device[] | null;
  more: boolean;
  loading: boolean;
  problem: ConsoleProblem | null;
  loadMore: () => void;
  /** Puts a device as it is now into the list, or takes it out where it no longer belongs. */
  apply: (device: Device) => void;
};

type Loaded = { devices: readonly Device[]; next: string | null };

/** A keyset-paged list that follows the event stream: rows change where they stand, new ones come first. */
export function useDevices(query: DeviceQuery): DeviceList {
  const { api, generation } = useConsole();
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const run = useRef(0);
  const key = JSON.stringify(query);

  const load = useCallback(
    async (cursor: string | null, queryKey: string) => {
      run.current += 1;
      const mine = run.current;
      setLoading(true);
      setProblem(null);
      try {
        const page = await api.devices(JSON.parse(queryKey) as DeviceQuery, cursor);
        if (mine !== run.current) return;
        setLoaded((before) => ({
          devices: cursor && before ? join(before.devices, page.devices) : page.devices,
          next: page.next,
        }));
      } catch (thrown) {
        if (mine === run.current) setProblem(problemOf(thrown));
      } finally {
        if (mine === run.current) setLoading(false);
      }
    },
    [api],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that events may have been missed
  useEffect(() => {
    void load(null, key);
  }, [load, key, generation]);

  const apply = useCallback(
    (device: Device) => {
      setLoaded(
        (before) => before && { ...before, devices: merge(before.devices, device, JSON.parse(key) as DeviceQuery) },
      );
    },
    [key],
  );
  useEvents(useCallback((event: ConsoleEvent) => apply(event.device), [apply]));

  // Decisions may empty what is shown while the server has more.
  const next = loaded?.devices.length === 0 && !loading && !problem ? loaded.next : null;
  useEffect(() => {
    if (next !== null) void load(next, key);
  }, [load, next, key]);

  return {
    devices: loaded?.devices ?? null,
    more: loaded?.next != null,
    loading,
    problem,
    loadMore: () => void load(loaded?.next ?? null, key),
    apply,
  };
}

/** The list with one device as it is now. An older version than the one shown changes nothing. */
export function merge(devices: readonly Device[], device: Device, query: DeviceQuery): readonly Device[] {
  const at = devices.findIndex((one) => one.id === device.id);
  const shown = devices[at];
  if (shown && shown.version > device.version) return devices;
  // What the server found by searching stays found: only the server knows every field it searches.
  const { search, ...facts } = query;
  if (!matches(device, shown ? facts : { ...facts, search }))
    return shown ? devices.filter((one) => one.id !== device.id) : devices;
  return shown ? devices.with(at, device) : [device, ...devices];
}

const join = (before: readonly Device[], page: readonly Device[]): readonly Device[] => {
  const known = new Set(before.map((device) => device.id));
  return [...before, ...page.filter((device) => !known.has(device.id))];
};

/** Whether a device belongs into a list; the search is the server's, approximated for devices that arrive while it is shown. */
export function matches(device: Device, query: DeviceQuery): boolean {
  if (query.approval && device.approval !== query.approval) return false;
  // The server leaves removed devices out where they are not asked for.
  if (query.lifecycle ? device.lifecycle !== query.lifecycle : device.lifecycle === 'deleted') return false;
  if (query.source && device.source !== query.source) return false;
  if (query.owner && device.owner?.email.toLowerCase() !== query.owner.toLowerCase()) return false;
  if (query.tag && !device.tags.includes(query.tag)) return false;
  if (!query.search) return true;
  const needle = query.search.toLowerCase();
  const texts = [
    device.name,
    device.owner?.email,
    device.owner?.displayName,
    device.serial,
    device.permanentIdentifier,
  ];
  return texts.some((text) => text?.toLowerCase().includes(needle));
}
