import { useCallback, useEffect, useState } from 'react';
import type { AppSnapshot, BridgeMethod, BridgeParams, BridgeResult, UserError } from '../contract/bridge.ts';
import { type Link, userErrorOf } from './bridge.ts';

/** The newest snapshot, `early` (null where there is none yet) until the first, and whether the app behind the page still answers. */
export function useSnapshot(link: Link, early: AppSnapshot | null): { snapshot: AppSnapshot | null; alive: boolean } {
  const [snapshot, setSnapshot] = useState<AppSnapshot | null>(early);
  const [alive, setAlive] = useState(true);
  useEffect(() => {
    let current = true;
    let pushed = false;
    const unsubscribe = link.bridge.subscribe((next) => {
      pushed = true;
      setSnapshot((known) => newer(known, next));
    });
    const unwatch = link.watch(setAlive);
    link.bridge.invoke('snapshot', {}).then(
      (first) => {
        // A pushed snapshot is never older than the asked one.
        if (current && !pushed) setSnapshot((known) => newer(known, first));
      },
      () => {
        if (current && !pushed) setAlive(false);
      },
    );
    return () => {
      current = false;
      unsubscribe();
      unwatch();
    };
  }, [link]);
  return { snapshot, alive };
}

/** The same state told again (at the start, after a reconnection) is no reason to draw again. */
const newer = (known: AppSnapshot | null, next: AppSnapshot): AppSnapshot =>
  known !== null && JSON.stringify(known) === JSON.stringify(next) ? known : next;

export type Call = <M extends BridgeMethod>(method: M, params: BridgeParams<M>) => Promise<BridgeResult<M> | undefined>;

/** Calls the bridge, knows which call is under way, and keeps the last failure until it is dismissed. */
export function useCall(link: Link): {
  call: Call;
  busy: BridgeMethod | null;
  problem: UserError | null;
  dismiss: () => void;
} {
  const [busy, setBusy] = useState<BridgeMethod | null>(null);
  const [problem, setProblem] = useState<UserError | null>(null);
  const call: Call = useCallback(
    async (method, params) => {
      setBusy(method);
      setProblem(null);
      try {
        return await link.bridge.invoke(method, params);
      } catch (thrown) {
        setProblem(userErrorOf(thrown));
        return undefined;
      } finally {
        setBusy((now) => (now === method ? null : now));
      }
    },
    [link],
  );
  const dismiss = useCallback(() => setProblem(null), []);
  return { call, busy, problem, dismiss };
}
