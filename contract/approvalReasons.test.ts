import { expect, it } from 'vitest';
import { APPROVAL_REASON_CODES, APPROVAL_REASONS, approvalReason, readApprovalReason } from './approvalReasons.ts';

it.each(APPROVAL_REASON_CODES)('%s is read from its own sentence, with its values, and from no other', (code) => {
  const names = [...APPROVAL_REASONS[code].matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  const values = Object.fromEntries(names.map((name) => [name, `a "${name}". (x)`]));
  expect(readApprovalReason(approvalReason(code, values))).toEqual({ code, values });
  expect(readApprovalReason(`${approvalReason(code, values)} Or not.`)).toBeNull();
});

it('leaves what a person wrote as it is', () => {
  for (const text of [null, '', 'Sold.', 'its owner left.']) expect(readApprovalReason(text)).toBeNull();
});
