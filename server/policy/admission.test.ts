import { describe, expect, it } from 'vitest';
import { type ApprovalRule, Source, type SourcePolicy, type TeamSettings } from '../../contract/index.ts';
import { type Arrival, admit } from './admission.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

const base: Arrival = {
  source: 'End-User',
  email: 'carl@example.com',
  shared: false,
  os: 'Linux',
  ownership: 'company',
  ekClass: 'hardware',
  tags: ['lab'],
};
const withPolicy = (policy: Partial<SourcePolicy>, approvalRules: ApprovalRule[] = []): TeamSettings => ({
  ...DEFAULT_SETTINGS,
  approvalRules,
  sources: {
    ...DEFAULT_SETTINGS.sources,
    'End-User': { allowed: true, autoApproved: false, userBindingRequired: false, ...policy },
  },
});
const verdict = (settings: TeamSettings, arrival: Partial<Arrival>) => {
  const admission = admit(settings, { ...base, ...arrival });
  return admission.kind === 'pending' ? admission.why : admission.kind;
};

describe('what becomes of a new device', () => {
  it.each([
    // allowed, autoApproved, userBindingRequired, e-mail, shared, verdict
    [false, true, false, 'a@b.c', false, 'not-allowed'],
    [true, false, false, 'a@b.c', false, 'approval-needed'],
    [true, true, false, null, false, 'approved'],
    [true, true, true, null, false, 'owner-missing'],
    [true, true, true, null, true, 'approved'],
    [true, true, true, 'a@b.c', false, 'approved'],
    [true, false, true, null, true, 'approval-needed'],
  ] as const)('allowed %s, auto-approved %s, owner required %s, owner %s, shared %s: %s', (...row) => {
    const [allowed, autoApproved, userBindingRequired, email, shared, expected] = row;
    expect(verdict(withPolicy({ allowed, autoApproved, userBindingRequired }), { email, shared })).toBe(expected);
  });

  it.each<[string, ApprovalRule['when'], boolean]>([
    ['matching source', { sources: ['End-User'] }, true],
    ['another source', { sources: ['Jamf'] }, false],
    ['one of two systems', { os: ['Linux', 'macOS'] }, true],
    ['another class', { ekClasses: ['virtual'] }, false],
    ['the domain, whatever its case', { emailDomains: ['EXAMPLE.com'] }, true],
    ['a domain that only ends alike', { emailDomains: ['ample.com'] }, false],
    ['a tag', { tags: ['lab', 'other'] }, true],
    ['all but one condition', { sources: ['End-User'], ownership: ['personal'] }, false],
  ])('a rule with %s', (_name, when, approves) => {
    const settings = withPolicy({}, [{ name: 'rule', when }]);
    expect(verdict(settings, {})).toBe(approves ? 'approved' : 'approval-needed');
  });

  it('has no rule stand in for an owner that is required', () => {
    const settings = withPolicy({ userBindingRequired: true }, [{ name: 'rule', when: { os: ['Linux'] } }]);
    expect(verdict(settings, { email: null })).toBe('owner-missing');
  });

  it('by default lets people wait and approves what MDMs and the API bring', () => {
    const verdicts = Object.fromEntries(
      Source.options.map((source) => [source, verdict(DEFAULT_SETTINGS, { source })]),
    );
    expect(verdicts['End-User']).toBe('approval-needed');
    expect(verdicts['Smallstep Agent']).toBe('approval-needed');
    expect(verdicts['Smallstep API']).toBe('approved');
    expect(verdicts.Jamf).toBe('approved');
  });
});
