import { eventsAfter, lastEvent } from '../store/events.ts';
import type { EventRow } from '../store/schema.ts';
import type { Db } from '../store/store.ts';

export type HubListener = (event: EventRow) => void;

/** Hands out events in order, once each: woken after each commit of this process, and by a slow poll for those of others. */
export type EventHub = {
  subscribe(listener: HubListener): () => void;
  /** Only the events of one device: thousands of streams wait for their own, and an event must not visit them all. */
  subscribeTo(deviceId: string, listener: HubListener): () => void;
  /** Call after a commit that recorded events. */
  wake(): void;
  close(): void;
};

const BATCH = 500;

export async function createEventHub(db: Db, pollMs: number): Promise<EventHub> {
  const listeners = new Set<HubListener>();
  const ofDevice = new Map<string, Set<HubListener>>();
  let seen = await lastEvent(db);
  let running = false;
  let again = false;
  let closed = false;

  const drain = async (): Promise<void> => {
    for (;;) {
      const events = await eventsAfter(db, seen, BATCH);
      for (const event of events) {
        seen = event.seq;
        for (const listener of listeners) listener(event);
        for (const listener of ofDevice.get(event.device_id) ?? []) listener(event);
      }
      if (events.length < BATCH) return;
    }
  };
  const wake = (): void => {
    if (closed) return;
    again = true;
    if (running) return;
    running = true;
    const run = async (): Promise<void> => {
      while (again && !closed) {
        again = false;
        await drain();
      }
    };
    run()
      // The store being closed, or busy: the next wake or poll delivers what was missed.
      .catch(() => undefined)
      .finally(() => {
        running = false;
      });
  };
  const timer = setInterval(wake, pollMs);
  timer.unref();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    subscribeTo: (deviceId, listener) => {
      const own = ofDevice.get(deviceId) ?? new Set();
      ofDevice.set(deviceId, own.add(listener));
      return () => {
        own.delete(listener);
        if (own.size === 0) ofDevice.delete(deviceId);
      };
    },
    wake,
    close: () => {
      closed = true;
      clearInterval(timer);
      listeners.clear();
      ofDevice.clear();
    },
  };
}
