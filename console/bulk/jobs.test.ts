import { expect, test, vi } from 'vitest';
import type { Device } from '../../contract/device.ts';
import { type Api, ApiError } from '../api/client.ts';
import { makeDevice } from '../gallery/fixtures.ts';
import { changedTags, failedWith, type Job, lookAgain, patiently, perform } from './jobs.ts';

const device = makeDevice({ name: 'one', version: 3 });
const approve: Job = { kind: 'decide', decision: { decision: 'approved' } };
const apiOf = (fields: Partial<Api>): Api => fields as Api;
const at = (current: Partial<Device>) => apiOf({ device: async () => ({ ...device, ...current }) });
const refused = (status: number): ApiError =>
  new ApiError({
    kind: 'refused',
    problem: { type: '', title: '', status, detail: '', advice: '', instance: '', code: 'rate-limited' },
  });

test('tags are added and taken one by one; what is there already is not asked for', async () => {
  expect(changedTags(['a', 'b'], { add: ['b', 'c'], remove: ['a'] })).toEqual(['b', 'c']);
  const changeDevice = vi.fn(async () => device);
  const values = async () => ({ visible: {}, explicit: { tags: ['loaner'] }, mdm: [], machine: {} });
  const api = apiOf({ values, changeDevice });
  await perform(api, { kind: 'tags', add: ['loaner'], remove: [] }, [device]);
  expect(changeDevice).not.toHaveBeenCalled();
  await perform(api, { kind: 'tags', add: ['sold'], remove: ['loaner'] }, [device]);
  expect(changeDevice).toHaveBeenCalledWith(device.id, 3, { tags: ['sold'] });
});

test.each<[string, Partial<Device>, Job, unknown]>([
  ['nothing changed: ask', {}, approve, { ask: { version: 3 } }],
  [
    'the answer was lost, the decision made',
    { version: 4, approval: 'approved' },
    approve,
    { result: { outcome: 'done' } },
  ],
  ['somebody changed it', { version: 4 }, approve, { result: { outcome: 'failed', again: false } }],
  ['tags: on what is there now', { version: 4 }, { kind: 'tags', add: ['x'], remove: [] }, { ask: { version: 4 } }],
  [
    'another owner than the one that was set',
    { version: 4 },
    { kind: 'change', change: { owner: 'heir@nordlicht.example' } },
    { result: { outcome: 'failed' } },
  ],
  [
    'the owner that was set',
    { version: 4, owner: { email: 'Heir@nordlicht.example', displayName: null } },
    { kind: 'change', change: { owner: 'heir@nordlicht.example', shared: false } },
    { result: { outcome: 'done' } },
  ],
])('before asking again: %s', async (_name, current, job, expected) => {
  expect(await lookAgain(at(current), job, device)).toMatchObject(expected as object);
});

test('what may be tried again: silence and faults of the server, not refusals', () => {
  expect(failedWith(device, new ApiError({ kind: 'unreachable' }))).toMatchObject({ again: true });
  expect(failedWith(device, refused(503))).toMatchObject({ again: true });
  expect(failedWith(device, refused(409))).toMatchObject({ again: false });
});

test('too much at once is waited out; anything else is not', async () => {
  vi.useFakeTimers();
  try {
    const work = vi.fn().mockRejectedValueOnce(refused(429)).mockResolvedValueOnce('done');
    const waiting = patiently(work, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(3000);
    expect(await waiting).toBe('done');
    await expect(patiently(() => Promise.reject(refused(403)), new AbortController().signal)).rejects.toThrow();
  } finally {
    vi.useRealTimers();
  }
});
