import { z } from 'zod';
import { EkClass, OperatingSystem, OwnershipKind, ProvableClass, Source } from './device.ts';

/** What a team decides for one way in. */
export const SourcePolicy = z.strictObject({
  allowed: z.boolean(),
  autoApproved: z.boolean(),
  userBindingRequired: z.boolean(),
  /**
   * Whether a device that was approved while nobody owned it stays approved when a person enrols it as theirs. Absent is no: it waits for an
   * administrator, who then sees who owns it.
   */
  bindingKeepsApproval: z.boolean().optional(),
});
export type SourcePolicy = z.infer<typeof SourcePolicy>;

/** Approves a waiting device by what is known of it. Every condition that is named must hold; a list holds where one value does. */
export const ApprovalRule = z.strictObject({
  name: z.string().min(1).max(120),
  when: z
    .strictObject({
      sources: z.array(Source).min(1).max(12).optional(),
      os: z.array(OperatingSystem).min(1).max(7).optional(),
      ownership: z.array(OwnershipKind).min(1).max(2).optional(),
      ekClasses: z.array(EkClass).min(1).max(6).optional(),
      emailDomains: z.array(z.string().min(1).max(253)).min(1).max(50).optional(),
      tags: z.array(z.string().min(1).max(128)).min(1).max(50).optional(),
    })
    .refine((when) => Object.values(when).some((list) => list !== undefined), 'a rule needs at least one condition'),
});
export type ApprovalRule = z.infer<typeof ApprovalRule>;

/** Team Settings: the policy of one inventory. Every field has a default (server/policy/settings.ts). */
export const TeamSettings = z
  .strictObject({
    slug: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
    name: z.string().min(1).max(120),
    /** Whether anyone who can sign in at the identity provider may enrol a device without an invite. */
    selfEnrolment: z.boolean(),
    /** E-mail domains that may sign in; empty allows every address the identity provider verifies. */
    allowedDomains: z.array(z.string().min(1).max(253)).max(50),
    sources: z.record(Source, SourcePolicy),
    /** Approve devices that their source alone leaves waiting; never those that lack a required owner. */
    approvalRules: z.array(ApprovalRule).max(50),
    /** Classes that may count as high-assurance. */
    acceptedClasses: z.array(ProvableClass).max(3),
    /** Classes that may not enrol at all. */
    refusedClasses: z.array(EkClass).max(6),
    /** Only in a demo store: lets a software TPM count as high-assurance there. */
    acceptSoftwareTpm: z.boolean(),
    secureBootRequired: z.boolean(),
    /** Days after which an attestation counts as stale. */
    attestationMaxAgeDays: z.int().min(1).max(3650),
    /** Whether a reinstalled device (same TPM, same owner, new keys) keeps its approval. */
    reinstallKeepsApproval: z.boolean(),
    /** Whether the person who asked for a device, or owns it, may not approve it: two people then stand behind each approval. */
    selfApprovalForbidden: z.boolean(),
    /** Devices that one person may have; null for no limit. */
    deviceLimit: z.int().min(1).max(10_000).nullable(),
    /** What happens to the devices of a person who leaves. */
    onPersonLeaves: z.enum(['keep', 'quarantine', 'block']),
    /** What happens to the API tokens that a person made who leaves, or who is no owner any more. */
    onTokenMakerLeaves: z.enum(['keep', 'revoke']),
    /** What happens to a device that its MDM no longer lists. */
    onDeviceGoneFromMdm: z.enum(['keep', 'quarantine']),
    inviteDays: z.int().min(1).max(30),
  })
  .meta({ id: 'TeamSettings' });
export type TeamSettings = z.infer<typeof TeamSettings>;

export const Role = z.enum(['owner', 'approver', 'auditor']);
export type Role = z.infer<typeof Role>;

/** What an API token may do. */
export const Scope = z.enum([
  'devices:read',
  'devices:write',
  'devices:decide',
  'access:read',
  'audit:read',
  'people:write',
  'settings:read',
  'settings:write',
]);
export type Scope = z.infer<typeof Scope>;

/** `GET /api/v1/session`: who the console is signed in as. */
export const Session = z
  .object({
    user: z.object({ id: z.uuid(), email: z.string(), displayName: z.string().nullable() }),
    role: Role,
    team: z.object({ slug: z.string(), name: z.string() }),
    demo: z.boolean(),
    /** Team Setting, so that the console can say beforehand what would be refused. */
    selfApprovalForbidden: z.boolean(),
    expiresAt: z.iso.datetime({ offset: true }),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;
