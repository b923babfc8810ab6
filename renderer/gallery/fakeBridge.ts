import type { AppSnapshot, Bridge, BridgeMethod, BridgeResult } from '../../contract/bridge.ts';
import type { Link } from '../bridge.ts';
import { DIAGNOSTICS } from './fixtures.ts';

export type Recorded = { method: BridgeMethod; params: unknown };

/** A bridge that stands still at one snapshot, remembers what it was asked and applies changed settings, as the core does. */
export function createFakeBridge(first: AppSnapshot): Link & { calls: Recorded[]; show(snapshot: AppSnapshot): void } {
  let current = first;
  const listeners = new Set<(snapshot: AppSnapshot) => void>();
  const calls: Recorded[] = [];
  const show = (snapshot: AppSnapshot): void => {
    current = snapshot;
    for (const listener of listeners) listener(snapshot);
  };
  const invoke: Bridge['invoke'] = async (method, params) => {
    calls.push({ method, params });
    if (method === 'changeSettings') show({ ...current, settings: { ...current.settings, ...params } });
    if (method === 'answerServerQuestion') show({ ...current, serverQuestion: null });
    const result = method === 'snapshot' ? current : method === 'diagnostics' ? DIAGNOSTICS : null;
    return result as BridgeResult<typeof method>;
  };
  return {
    calls,
    show,
    watch: () => () => {},
    bridge: {
      invoke,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
}
