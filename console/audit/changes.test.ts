import { expect, test } from 'vitest';
import { changesOf } from './changes.ts';

test('every field with its values, nested ones by their path, and only what differs', () => {
  const before = { approval: 'pending', sources: { Jamf: { allowed: true, autoApproved: true } }, tags: ['a'] };
  const after = { approval: 'approved', sources: { Jamf: { allowed: false, autoApproved: true } }, tags: ['a', 'b'] };
  expect(changesOf(before, after)).toEqual([
    { field: 'approval', before: 'pending', after: 'approved' },
    { field: 'sources.Jamf.allowed', before: 'true', after: 'false' },
    { field: 'tags', before: 'a', after: 'a, b' },
  ]);
});

test('a record of one side only, empty values and nulls', () => {
  expect(changesOf(null, { name: 'rollout', reason: null, explicit: { email: null }, tags: [] })).toEqual([
    { field: 'name', before: null, after: 'rollout' },
    { field: 'reason', before: null, after: 'null' },
    { field: 'explicit.email', before: null, after: 'null' },
    { field: 'tags', before: null, after: '[]' },
  ]);
  expect(changesOf({ owner: 'ada' }, null)).toEqual([{ field: 'owner', before: 'ada', after: null }]);
  expect(changesOf(null, null)).toEqual([]);
});
