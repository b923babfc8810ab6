import { type ReactNode, useCallback, useState } from 'react';
import type { Decision } from '../../contract/decisions.ts';
import type { Device } from '../../contract/device.ts';
import { ApiError, type ConsoleProblem, problemOf } from '../api/client.ts';
import { useBulk } from '../bulk/useBulk.tsx';
import { useConsole } from '../Console.tsx';
import { useConsoleText } from '../text.ts';
import { ApproveDialog } from './ApproveDialog.tsx';
import { ChangedDialog } from './ChangedDialog.tsx';
import { RefuseDialog } from './RefuseDialog.tsx';

type Asking =
  | { kind: 'approve'; devices: readonly Device[] }
  | { kind: 'refuse'; devices: readonly Device[] }
  | { kind: 'changed'; shown: Device; current: Device; decision: Decision };

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
  const bulk = useBulk(onDecided);

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

  const decideMany = (devices: readonly Device[], decision: Decision): void => {
    setAsking(null);
    bulk.start({ kind: 'decide', decision }, devices);
  };

  const confirmRefusal = (devices: readonly Device[], reason: string): void => {
    const decision: Decision = { decision: 'refused', reason };
    const [only] = devices;
    if (devices.length === 1 && only) void decide(only, decision);
    else decideMany(devices, decision);
  };

  return {
    approve: (device) => void decide(device, { decision: 'approved' }),
    refuse: (device) => setAsking({ kind: 'refuse', devices: [device] }),
    approveMany: (devices) => setAsking({ kind: 'approve', devices }),
    refuseMany: (devices) => setAsking({ kind: 'refuse', devices }),
    busy,
    problem,
    dismiss: () => setProblem(null),
    dialog:
      bulk.dialog ??
      dialogOf(asking, {
        close,
        approve: (devices) => decideMany(devices, { decision: 'approved' }),
        refuse: confirmRefusal,
        decide: (device, decision) => void decide(device, decision),
      }),
  };
}

type Answers = {
  close: () => void;
  approve: (devices: readonly Device[]) => void;
  refuse: (devices: readonly Device[], reason: string) => void;
  decide: (device: Device, decision: Decision) => void;
};

function dialogOf(asking: Asking | null, { close, approve, refuse, decide }: Answers): ReactNode {
  switch (asking?.kind) {
    case undefined:
      return null;
    case 'approve':
      return <ApproveDialog devices={asking.devices} close={close} approve={approve} />;
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
    default:
      return asking satisfies never;
  }
}
