import { Source, type SourcePolicy, TeamSettings } from '../../contract/index.ts';

const ENROLLED_BY_PERSON: readonly Source[] = ['End-User'];

/** Devices that people enrol themselves wait; those from an MDM or the API are approved, and not high-assurance until they attest. */
function sourceDefault(source: Source): SourcePolicy {
  const byPerson = ENROLLED_BY_PERSON.includes(source);
  // A provisioning token permits an enrolment, never an approval or an owner.
  const byToken = source === 'Smallstep Agent';
  return {
    allowed: true,
    autoApproved: !byPerson && !byToken,
    userBindingRequired: byPerson,
    bindingKeepsApproval: false,
  };
}

export const DEFAULT_SETTINGS: TeamSettings = {
  slug: 'team',
  name: 'Team',
  selfEnrolment: false,
  allowedDomains: [],
  sources: Object.fromEntries(Source.options.map((source) => [source, sourceDefault(source)])) as Record<
    Source,
    SourcePolicy
  >,
  approvalRules: [],
  acceptedClasses: ['hardware', 'firmware'],
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

/** Stored settings over the defaults; a value that no longer fits its schema falls back to the default as a whole field. */
export function readSettings(stored: Record<string, unknown>): TeamSettings {
  const merged: Record<string, unknown> = { ...DEFAULT_SETTINGS };
  for (const [key, schema] of Object.entries(TeamSettings.shape)) {
    const parsed = Object.hasOwn(stored, key) ? schema.safeParse(stored[key]) : undefined;
    if (parsed?.success) merged[key] = parsed.data;
  }
  return TeamSettings.parse(merged);
}
