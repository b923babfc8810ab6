import { expect, test } from 'vitest';
import type { Source } from '../../contract/device.ts';
import type { SourcePolicy, TeamSettings } from '../../contract/settings.ts';
import { SOURCES } from '../devices/deviceFilters.tsx';
import type { ConsoleText } from '../text.ts';
import { consequencesOf } from './consequences.ts';
import { completeRule, conditionTexts, restsOnClaims } from './rules.ts';
import { changesOf } from './settingsDraft.ts';

const closed: SourcePolicy = { allowed: true, autoApproved: false, userBindingRequired: false };
const before: TeamSettings = {
  slug: 'team',
  name: 'Team',
  selfEnrolment: false,
  allowedDomains: [],
  sources: Object.fromEntries(SOURCES.map((source) => [source, closed])) as Record<Source, SourcePolicy>,
  approvalRules: [],
  acceptedClasses: ['hardware'],
  refusedClasses: [],
  acceptSoftwareTpm: false,
  secureBootRequired: false,
  attestationMaxAgeDays: 90,
  reinstallKeepsApproval: false,
  selfApprovalForbidden: false,
  deviceLimit: null,
  onPersonLeaves: 'keep',
  onTokenMakerLeaves: 'keep',
  onDeviceGoneFromMdm: 'keep',
  inviteDays: 7,
};
/** Texts by their keys, so that the rule is tested and not the wording. */
const t = ((key: string) => key) as ConsoleText;
const told = { t, list: (items: readonly string[]) => items.join('/') };
const effects = (change: Partial<TeamSettings>, from = before) => consequencesOf(from, { ...from, ...change }, told);
const jamf = (change: Partial<SourcePolicy>): Partial<TeamSettings> => ({
  sources: { ...before.sources, Jamf: { ...closed, ...change } },
});
const rule = { name: 'Company', when: { os: ['Linux' as const], ekClasses: ['hardware' as const] } };

test.each<[string, Partial<TeamSettings>, string, boolean]>([
  ['a name', { name: 'Other' }, 'effect.name', false],
  ['self-enrolment without a domain', { selfEnrolment: true }, 'effect.selfEnrolment.on effect.anyDomain', true],
  ['domains', { allowedDomains: ['example.com'] }, 'effect.domains.only', true],
  ['a limit', { deviceLimit: 3 }, 'effect.limit.some', false],
  ['invites', { inviteDays: 2 }, 'effect.inviteDays', false],
  ['a closed way in', jamf({ allowed: false }), 'effect.allowed.off', false],
  ['approval at once', jamf({ autoApproved: true }), 'effect.autoApproved.on', true],
  ['an owner needed', jamf({ userBindingRequired: true }), 'effect.userBindingRequired.on', false],
  ['approval that outlives a binding', jamf({ bindingKeepsApproval: true }), 'effect.bindingKeepsApproval.on', true],
  ['a rule', { approvalRules: [rule] }, 'effect.rule.new', true],
  ['four eyes', { selfApprovalForbidden: true }, 'effect.fourEyes.on', false],
  ['another class', { acceptedClasses: ['hardware', 'virtual'] }, 'effect.accepted.on', true],
  ['no class', { acceptedClasses: [] }, 'effect.accepted.off', true],
  ['a refused class', { refusedClasses: ['software'] }, 'effect.refused.on', true],
  ['Secure Boot', { secureBootRequired: true }, 'effect.secureBoot.on', true],
  ['a shorter age', { attestationMaxAgeDays: 30 }, 'effect.maxAge', true],
  ['a longer age', { attestationMaxAgeDays: 120 }, 'effect.maxAge', false],
  ['a reinstall', { reinstallKeepsApproval: true }, 'effect.reinstall.on', true],
  ['leaving', { onPersonLeaves: 'block' }, 'effect.leave.block', false],
  ['tokens of who leaves', { onTokenMakerLeaves: 'revoke' }, 'effect.tokens.revoke', true],
  ['gone', { onDeviceGoneFromMdm: 'quarantine' }, 'effect.gone.quarantine', false],
])('what a change does: %s', (_name, change, text, care) => {
  expect(effects(change)).toEqual([{ text, care }]);
});

test('every change that is saved is told, and nothing is told where nothing changes', () => {
  expect(effects({})).toEqual([]);
  // The slug has no field, and the software TPM no way to be changed here.
  const fields = Object.keys(before).filter((name) => name !== 'slug' && name !== 'acceptSoftwareTpm');
  const other: TeamSettings = {
    ...before,
    ...jamf({ allowed: false }),
    name: 'Other',
    selfEnrolment: true,
    allowedDomains: ['example.com'],
    approvalRules: [rule],
    acceptedClasses: ['hardware', 'firmware'],
    refusedClasses: ['absent'],
    secureBootRequired: true,
    attestationMaxAgeDays: 30,
    reinstallKeepsApproval: true,
    selfApprovalForbidden: true,
    deviceLimit: 1,
    onPersonLeaves: 'quarantine',
    onTokenMakerLeaves: 'revoke',
    onDeviceGoneFromMdm: 'quarantine',
    inviteDays: 1,
  };
  expect(Object.keys(changesOf(before, other) ?? {}).sort()).toEqual(fields.sort());
  for (const field of fields) {
    expect(effects({ [field]: other[field as keyof TeamSettings] }).length, field).toBeGreaterThan(0);
  }
});

test('an absent policy is a closed one: writing it down changes nothing', () => {
  expect(effects(jamf({ bindingKeepsApproval: false }))).toEqual([]);
});

test('a rule names at least one condition, and says where it rests on claims', () => {
  const none = { sources: [], os: [], ownership: [], ekClasses: [], emailDomains: [], tags: [] };
  expect(completeRule('Company', none)).toBeNull();
  expect(completeRule(' ', { ...none, os: ['Linux'] })).toBeNull();
  expect(completeRule(' Company ', { ...none, os: ['Linux'], ekClasses: ['hardware'] })).toEqual(rule);
  expect(conditionTexts(rule, t, told.list)).toEqual(['rules.when.os', 'rules.when.ekClasses']);
  expect(restsOnClaims(rule)).toBe(false);
  expect(restsOnClaims({ name: 'a', when: { os: ['Linux'], tags: ['x'] } })).toBe(true);
  expect(restsOnClaims({ name: 'a', when: { ekClasses: ['hardware', 'software'] } })).toBe(true);
  expect(restsOnClaims({ name: 'a', when: { sources: ['Jamf'] } })).toBe(false);
});
