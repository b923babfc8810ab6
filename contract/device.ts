import { z } from 'zod';
import { APPROVAL_REASON_CODES } from './approvalReasons.ts';
import { CeremonyCode, Email, Id, PermanentIdentifier, ShortText, Timestamp } from './primitives.ts';

/** Four separate facts of a device; nothing infers one from another (DESIGN.md, Words). */
export const Approval = z.enum(['pending', 'approved', 'refused']);
export const AttestationState = z.enum(['none', 'valid', 'stale', 'failed']);
export const Lifecycle = z.enum(['active', 'quarantined', 'deleted']);
export const OwnershipKind = z.enum(['company', 'personal']);
export type Approval = z.infer<typeof Approval>;
export type AttestationState = z.infer<typeof AttestationState>;
export type Lifecycle = z.infer<typeof Lifecycle>;

/** How a device came in. Smallstep's wire values, plus nothing of our own. */
export const Source = z.enum([
  'End-User',
  'Smallstep API',
  'Smallstep Agent',
  'SCEP Webhook',
  'Jamf',
  'Intune',
  'Workspace ONE',
  'Google Workspace',
  'Fleet',
  'Mosyle',
  'SureMDM',
  'IRU',
]);
export type Source = z.infer<typeof Source>;

/** What kind of thing holds the endorsement key; decided by the certificate chain, never by self-report. */
export const EkClass = z.enum(['hardware', 'firmware', 'virtual', 'software', 'unknown-root', 'absent']);
export type EkClass = z.infer<typeof EkClass>;

/**
 * Classes that a team may let count as high-assurance. The others hold no chain to a known maker, so anything, a software TPM too, could
 * pass for them: no setting raises those.
 */
export const ProvableClass = EkClass.extract(['hardware', 'firmware', 'virtual']);
export type ProvableClass = z.infer<typeof ProvableClass>;

export const OperatingSystem = z.enum(['Linux', 'Windows', 'macOS', 'iOS', 'tvOS', 'watchOS', 'visionOS']);

/** Why a machine does not tell something about itself; `unavailable` says the same in English, in more detail. */
export const WhyUnavailable = z.enum(['none', 'placeholder', 'not-allowed', 'not-attested', 'service-failed']);
export type WhyUnavailable = z.infer<typeof WhyUnavailable>;

/** A fact read from the machine, or the reason why it could not be read. `readBy` where only the system service may read it. */
export const MachineFact = z.union([
  z.strictObject({ value: ShortText, readBy: z.literal('service').optional() }),
  z.strictObject({ unavailable: ShortText, why: WhyUnavailable.optional() }),
]);

/** What a machine says of itself: claims, shown before they are sent. */
export const MachineReport = z
  .strictObject({
    hostName: ShortText,
    os: z.enum(['Linux', 'Windows', 'macOS']),
    osVersion: ShortText,
    architecture: ShortText,
    manufacturer: MachineFact,
    model: MachineFact,
    serial: MachineFact,
    hardwareUuid: MachineFact,
    provisioningUdid: MachineFact.optional(),
    virtualMachine: z.enum(['yes', 'no', 'unknown']),
  })
  .meta({ id: 'MachineReport' });
export type MachineReport = z.infer<typeof MachineReport>;

/** One sentence that supports or limits the assurance, with a stable code. */
export const AssuranceReason = z.object({
  code: z.enum([
    'approved',
    'not-approved',
    'owner-bound',
    'shared',
    'no-owner',
    'active',
    'not-active',
    'attestation-valid',
    'attestation-none',
    'attestation-stale',
    'attestation-failed',
    'class-accepted',
    'class-not-accepted',
    'demo-software-tpm',
    'identity-changed',
    'apple-claim-only',
    'secure-boot-required',
    'secure-boot-off',
  ]),
  supports: z.boolean(),
  text: z.string(),
});
export type AssuranceReason = z.infer<typeof AssuranceReason>;

export const Assurance = z.object({ level: z.enum(['normal', 'high']), reasons: z.array(AssuranceReason) });
export type Assurance = z.infer<typeof Assurance>;

export const Owner = z.object({ email: Email, displayName: z.string().nullable() });

/** `same-serial` joins nothing by itself and holds up nothing: a serial number beside an identifier is only somebody's word. */
export const CONFLICT_KINDS = ['other-owner', 'old-key', 'other-record', 'same-serial'] as const;

/** A device as administrators see it. `version` changes whenever evidence or a fact changes; decisions carry it in If-Match. */
export const Device = z
  .object({
    id: Id,
    permanentIdentifier: PermanentIdentifier,
    aliases: z.array(PermanentIdentifier),
    name: ShortText,
    serial: ShortText.nullable(),
    os: OperatingSystem.nullable(),
    osVersion: ShortText.nullable(),
    source: Source,
    owner: Owner.nullable(),
    shared: z.boolean(),
    ownership: OwnershipKind.nullable(),
    tags: z.array(z.string()),
    approval: Approval,
    approvalReason: z.string().nullable(),
    /** Where the server gave the reason by itself. */
    approvalReasonCode: z.enum(APPROVAL_REASON_CODES).nullable().optional(),
    decidedBy: z.string().nullable(),
    decidedAt: Timestamp.nullable(),
    requestedBy: z.string().nullable(),
    attestation: AttestationState,
    lifecycle: Lifecycle,
    ekClass: EkClass,
    ekCertificate: z.enum(['verified', 'unverified', 'absent']),
    secureBoot: z.enum(['on', 'off', 'unknown']),
    assurance: Assurance,
    ceremonyCode: CeremonyCode.nullable(),
    conflictId: Id.nullable(),
    /** Of that conflict: one that holds up an approval where there is one, else a serial number that another record merely reports. */
    conflictKind: z.enum(CONFLICT_KINDS).nullable().optional(),
    /** The record that this one may belong to: it only claims an identifier that the other holds. */
    candidateOf: Id.nullable(),
    version: z.int(),
    createdAt: Timestamp,
    enrolledAt: Timestamp.nullable(),
    attestedAt: Timestamp.nullable(),
    lastSeenAt: Timestamp.nullable(),
    demo: z.boolean(),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof Device>;

/** What a device may read of itself. */
export const SelfDevice = Device.pick({
  id: true,
  permanentIdentifier: true,
  name: true,
  source: true,
  owner: true,
  approval: true,
  approvalReason: true,
  approvalReasonCode: true,
  attestation: true,
  lifecycle: true,
  ekClass: true,
  ekCertificate: true,
  assurance: true,
  ceremonyCode: true,
  version: true,
  enrolledAt: true,
  attestedAt: true,
  demo: true,
})
  .extend({
    team: ShortText,
    conflict: z.boolean(),
    /** While it waits: how many people may approve it. They see it in their console; no message is sent to them. */
    approvers: z.int().min(0).optional(),
  })
  .meta({ id: 'SelfDevice' });
export type SelfDevice = z.infer<typeof SelfDevice>;
