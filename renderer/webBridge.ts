import type { AppSnapshot, Bridge, BridgeMethod, BridgeParams, BridgeResult, UserError } from '../contract/bridge.ts';
import type { WEB_BRIDGE } from '../contract/webBridge.ts';
import { BridgeError, type Link, userErrorOf } from './bridge.ts';

const PATHS: Pick<typeof WEB_BRIDGE, 'callPath' | 'snapshotsPath' | 'snapshotEvent'> = {
  callPath: '/bridge',
  snapshotsPath: '/bridge/snapshots',
  snapshotEvent: 'snapshot',
};

const RETRY_MS = [500, 1000, 2000, 4000] as const;

const stopped: UserError = {
  code: 'unexpected',
  title: 'Muster has stopped.',
  detail: 'The app that serves this page does not answer.',
  advice: 'Start Muster again and open the address that it prints.',
  correlationId: null,
};

/** The bridge over HTTP (contract/webBridge.ts): calls by POST, snapshots by server-sent events, reconnected for as long as the page is open. */
export function createWebBridge(): Link {
  const watchers = new Set<(alive: boolean) => void>();
  let alive = true;
  const say = (now: boolean): void => {
    if (now === alive) return;
    alive = now;
    for (const watcher of watchers) watcher(now);
  };

  const invoke = async <M extends BridgeMethod>(method: M, params: BridgeParams<M>): Promise<BridgeResult<M>> => {
    const response = await fetch(PATHS.callPath, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ method, params }),
    }).catch(() => {
      throw new BridgeError(stopped);
    });
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) throw new BridgeError(response.status === 401 ? stopped : userErrorOf(body));
    return (body as { result: BridgeResult<M> }).result;
  };

  const subscribe: Bridge['subscribe'] = (listener) => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const open = (): void => {
      source = new EventSource(PATHS.snapshotsPath);
      source.addEventListener(PATHS.snapshotEvent, (event) => {
        failures = 0;
        say(true);
        listener(JSON.parse(event.data) as AppSnapshot);
      });
      source.addEventListener('error', () => {
        // EventSource gives up for good after an answer that is not a stream (a restarted host's 401): so it is opened anew each time.
        source?.close();
        failures += 1;
        if (failures > 1) say(false);
        timer = setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  };

  return {
    bridge: { invoke, subscribe },
    watch: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
