import { type ReactNode, useCallback, useRef, useState } from 'react';
import type { Device } from '../../contract/device.ts';
import { useConsole } from '../Console.tsx';
import { BulkDialog } from './BulkDialog.tsx';
import { failedWith, type Job, lookAgain, patiently, perform, type Result, type Run, sizeOf } from './jobs.ts';
import { type Outcome, runMany } from './runMany.ts';

export type Bulk = {
  start: (job: Job, devices: readonly Device[]) => void;
  busy: boolean;
  dialog: ReactNode;
};

/** Does one thing with many devices: progress, a result for each, and nothing lost where something fails. */
export function useBulk(onChanged: (devices: readonly Device[]) => void): Bulk {
  const { api } = useConsole();
  const [run, setRun] = useState<Run | null>(null);
  const stop = useRef(new AbortController());

  const tell = useCallback(
    (outcomes: readonly Outcome<Result>[]) => {
      onChanged(outcomes.flatMap(({ result }) => (result.outcome === 'done' ? [result.device] : [])));
      setRun(
        (before) =>
          before && {
            ...before,
            results: new Map([...before.results, ...outcomes.map(({ id, result }) => [id, result] as const)]),
          },
      );
    },
    [onChanged],
  );

  const work = async (job: Job, devices: readonly Device[], again: boolean): Promise<void> => {
    stop.current = new AbortController();
    const { signal } = stop.current;
    const askAgain = async ([device]: readonly Device[]): Promise<Outcome<Result>[]> => {
      if (!device) return [];
      const looked = await lookAgain(api, job, device);
      return 'result' in looked ? [{ id: device.id, result: looked.result }] : perform(api, job, [looked.ask]);
    };
    await runMany(devices, {
      ...(again ? { chunk: 1, lanes: 4 } : sizeOf(job)),
      signal,
      work: (some) => patiently(() => (again ? askAgain(some) : perform(api, job, some)), signal),
      failed: failedWith,
      report: tell,
    });
    setRun((before) => before && { ...before, state: 'ended' });
  };

  const start = (job: Job, devices: readonly Device[]): void => {
    setRun({ job, devices, results: new Map(), state: 'running' });
    void work(job, devices, false);
  };
  const retry = (devices: readonly Device[]): void => {
    if (!run) return;
    setRun({ ...run, state: 'running' });
    void work(run.job, devices, true);
  };
  return {
    start,
    busy: run !== null,
    dialog: run && (
      <BulkDialog
        run={run}
        retry={retry}
        stop={() => {
          stop.current.abort();
          setRun({ ...run, state: 'stopping' });
        }}
        close={() => setRun(null)}
      />
    ),
  };
}
