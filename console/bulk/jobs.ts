import type { DeviceChange } from '../../contract/administration.ts';
import type { Decision } from '../../contract/decisions.ts';
import type { Device, Lifecycle } from '../../contract/device.ts';
import { type Api, ApiError, type ConsoleProblem, problemOf } from '../api/client.ts';
import type { ItemProblem } from '../text.ts';
import type { Outcome } from './runMany.ts';

/** One thing that is done with many devices. */
export type Job =
  | { kind: 'decide'; decision: Decision }
  | { kind: 'lifecycle'; lifecycle: Lifecycle }
  | { kind: 'change'; change: DeviceChange }
  | { kind: 'tags'; add: readonly string[]; remove: readonly string[] };

export type Result =
  | { outcome: 'done'; device: Device }
  /** `again` where nothing speaks against trying once more. */
  | { outcome: 'failed'; problem: ConsoleProblem | ItemProblem; again: boolean };

/** One bulk change as it goes: what is known of each device so far. */
export type Run = {
  job: Job;
  devices: readonly Device[];
  results: ReadonlyMap<string, Result>;
  state: 'running' | 'stopping' | 'ended';
};

/** Decisions go to the server by twenties, so that the first window hears of its own before the last is made. */
export const sizeOf = (job: Job): { chunk: number; lanes: number } =>
  job.kind === 'decide' ? { chunk: 20, lanes: 1 } : { chunk: 1, lanes: 4 };

export const failedWith = (_device: Device, thrown: unknown): Result => {
  const problem = problemOf(thrown);
  return { outcome: 'failed', problem, again: problem.kind === 'unreachable' || problem.problem.status >= 500 };
};

/** Does `job` with some devices, each at the version that was shown. */
export async function perform(api: Api, job: Job, devices: readonly Device[]): Promise<Outcome<Result>[]> {
  if (job.kind === 'decide') return decideMany(api, job.decision, devices);
  const outcomes: Outcome<Result>[] = [];
  for (const device of devices) {
    outcomes.push({ id: device.id, result: { outcome: 'done', device: await change(api, job, device) } });
  }
  return outcomes;
}

async function decideMany(api: Api, decision: Decision, devices: readonly Device[]): Promise<Outcome<Result>[]> {
  const { results } = await api.decideMany(
    decision,
    devices.map(({ id, version }) => ({ id, version })),
  );
  return results.map((item) => ({
    id: item.id,
    result:
      item.outcome === 'done'
        ? { outcome: 'done', device: item.device }
        : { outcome: 'failed', problem: { kind: 'said', code: item.code, detail: item.detail }, again: false },
  }));
}

async function change(api: Api, job: Exclude<Job, { kind: 'decide' }>, device: Device): Promise<Device> {
  const { id, version } = device;
  switch (job.kind) {
    case 'lifecycle':
      return device.lifecycle === job.lifecycle ? device : api.setLifecycle(id, version, job.lifecycle);
    case 'change':
      return api.changeDevice(id, version, job.change);
    case 'tags': {
      const before = tagsOf(await api.values(id));
      const after = changedTags(before, job);
      // The version guards this: tags that changed since the device was shown have raised it.
      return after.join('\n') === before.join('\n') ? device : api.changeDevice(id, version, { tags: after });
    }
    default:
      return job satisfies never;
  }
}

export const tagsOf = (values: { explicit: Record<string, unknown> }): string[] => {
  const { tags } = values.explicit;
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
};

export const changedTags = (
  before: readonly string[],
  job: { add: readonly string[]; remove: readonly string[] },
): string[] => [...new Set([...before.filter((tag) => !job.remove.includes(tag)), ...job.add])];

/**
 * Before asking again after an answer that never came: a device that is as it was to become is done; one that changed otherwise is not
 * touched unseen, except for its tags, which are added and taken one by one.
 */
export async function lookAgain(api: Api, job: Job, shown: Device): Promise<{ ask: Device } | { result: Result }> {
  const device = await api.device(shown.id);
  if (device.version === shown.version || job.kind === 'tags') return { ask: device };
  if (isDone(job, device)) return { result: { outcome: 'done', device } };
  return {
    result: { outcome: 'failed', problem: { kind: 'said', code: 'version-mismatch', detail: '' }, again: false },
  };
}

function isDone(job: Exclude<Job, { kind: 'tags' }>, device: Device): boolean {
  switch (job.kind) {
    case 'decide':
      return device.approval === job.decision.decision;
    case 'lifecycle':
      return device.lifecycle === job.lifecycle;
    case 'change': {
      const { owner, shared, ownership } = job.change;
      return (
        (owner === undefined || (device.owner?.email.toLowerCase() ?? null) === (owner?.toLowerCase() ?? null)) &&
        (shared === undefined || device.shared === shared) &&
        (ownership === undefined || device.ownership === ownership)
      );
    }
    default:
      return job satisfies never;
  }
}

const PATIENCE = { attempts: 40, ms: 3000 };

/** Waits and asks again where the server says that it was too much at once. */
export async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      const tooMuch = thrown instanceof ApiError && thrown.status === 429;
      if (!tooMuch || signal.aborted || attempt === PATIENCE.attempts) throw thrown;
      await new Promise((done) => setTimeout(done, PATIENCE.ms));
    }
  }
}
