import { type ReactNode, useCallback, useState } from 'react';
import type { Decision } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { ApiError, type BulkResult, type ConsoleProblem, problemOf } from '../api/client.ts';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { BulkDialog } from './BulkDialog.tsx';
import { ChangedDialog } from './ChangedDialog.tsx';
import { RefuseDialog } from './RefuseDialog.tsx';

type Asking =
  | { kind: 'refuse'; devices: readonly Device[] }
  | { kind: 'changed'; shown: Device; current: Device; decision: Decision }
  | { kind: 'result'; devices: readonly Device[]; result: BulkResult };

export type Decide = {
  approve: (device: Device) => void;
  refuse: (device: Device) => void;
  approveMany: (devices: readonly Device[]) => void;
  refuseMany: (devices: readonly Device[]) => void;
  /** Ids of devices with a decision under way. */
  busy: ReadonlySet<string>;
  problem: ConsoleProblem | null;
  dismiss: () => void;
  dialog: ReactNode;
};

/** Decisions with everything that belongs to them: the reason for a refusal, the evidence that changed meanwhile, the result of many. */
export function useDecide(onDecided: (devices: readonly Device[]) => void): Decide {
  const { api, announce } = useConsole();
  const t = useConsoleText();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [problem, setProblem] = useState<ConsoleProblem | null>(null);
  const close = useCallback(() => setAsking(null), []);

  const working = async (devices: readonly Device[], work: () => Promise<void>): Promise<void> => {
    setBusy(new Set(devices.map((device) => device.id)));
    setProblem(null);
    setAsking(null);
    try {
      await work();
    } catch (thrown) {
      setProblem(problemOf(thrown));
    } finally {
      setBusy(new Set());
    }
  };

  const decide = (device: Device, decision: Decision): Promise<void> =>
    working([device], async () => {
      try {
        const decided = await api.decide(device.id, device.version, decision);
        onDecided([decided]);
        announce(t(`decide.${decision.decision}`, { name: device.name }));
      } catch (thrown) {
        if (!(thrown instanceof ApiError) || thrown.status !== 412) throw thrown;
        const current = await api.device(device.id);
        onDecided([current]);
        setAsking({ kind: 'changed', shown: device, current, decision });
      }
    });

  const decideMany = (devices: readonly Device[], decision: Decision): Promise<void> =>
    working(devices, async () => {
      const asked = devices.map(({ id, version }) => ({ id, version }));
      const result = await api.decideMany(decision, asked);
      const decided = result.results.flatMap((item) => (item.outcome === 'done' ? [item.device] : []));
      onDecided(decided);
      setAsking({ kind: 'result', devices, result });
    });

  const confirmRefusal = (devices: readonly Device[], reason: string): void => {
    const decision: Decision = { decision: 'refused', reason };
    const [only] = devices;
    void (devices.length === 1 && only ? decide(only, decision) : decideMany(devices, decision));
  };

  return {
    approve: (device) => void decide(device, { decision: 'approved' }),
    refuse: (device) => setAsking({ kind: 'refuse', devices: [device] }),
    approveMany: (devices) => void decideMany(devices, { decision: 'approved' }),
    refuseMany: (devices) => setAsking({ kind: 'refuse', devices }),
    busy,
    problem,
    dismiss: () => setProblem(null),
    dialog: dialogOf(asking, close, confirmRefusal, (device, decision) => void decide(device, decision)),
  };
}

function dialogOf(
  asking: Asking | null,
  close: () => void,
  refuse: (devices: readonly Device[], reason: string) => void,
  decide: (device: Device, decision: Decision) => void,
): ReactNode {
  switch (asking?.kind) {
    case undefined:
      return null;
    case 'refuse':
      return (
        <RefuseDialog devices={asking.devices} close={close} refuse={(reason) => refuse(asking.devices, reason)} />
      );
    case 'changed':
      return (
        <ChangedDialog
          shown={asking.shown}
          current={asking.current}
          decision={asking.decision}
          close={close}
          decide={() => decide(asking.current, asking.decision)}
        />
      );
    case 'result':
      return <BulkDialog devices={asking.devices} result={asking.result} close={close} />;
    default:
      return asking satisfies never;
  }
}
