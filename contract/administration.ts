import { z } from 'zod';
import { CONFLICT_KINDS, Device, Lifecycle, OperatingSystem, OwnershipKind, Source } from './device.ts';
import { Email, Id, PermanentIdentifier, ShortText, Timestamp } from './primitives.ts';
import { Role, Scope, SourcePolicy, TeamSettings } from './settings.ts';

/** `?limit=&cursor=` of a list; `next` of a page is the cursor of the next. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(1024).optional(),
});

/** `PATCH /api/v1/settings`: the named fields change, of `sources` the named ones. */
export const SettingsChange = TeamSettings.omit({ sources: true, acceptSoftwareTpm: true })
  .partial()
  .extend({ sources: z.partialRecord(Source, SourcePolicy).optional() });
export type SettingsChange = z.infer<typeof SettingsChange>;

/** `waiting`: devices that wait although the changed policy would have approved them on arrival. They still wait. */
export const SettingsAnswer = z.object({ settings: TeamSettings, waiting: z.int() }).meta({ id: 'SettingsAnswer' });

export const InviteState = z.enum(['sent', 'opened', 'used', 'expired', 'revoked']);
export const Invite = z
  .object({
    id: Id,
    email: z.string(),
    state: InviteState,
    createdBy: z.string(),
    createdAt: Timestamp,
    expiresAt: Timestamp,
    openedAt: Timestamp.nullable(),
    usedAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    deviceId: Id.nullable(),
  })
  .meta({ id: 'Invite' });
export type Invite = z.infer<typeof Invite>;
export const InviteRequest = z.strictObject({ email: Email });
/** `link` holds the secret: it is shown this once. `delivery` says whether it was mailed, or waits in the outbox folder. */
export const InviteMade = z
  .object({ invite: Invite, link: z.string(), delivery: z.enum(['mailed', 'outbox', 'failed']), detail: z.string() })
  .meta({ id: 'InviteMade' });
export const InvitePage = z
  .object({ invites: z.array(Invite), next: z.string().nullable() })
  .meta({ id: 'InvitePage' });

export const ProvisioningToken = z
  .object({
    id: Id,
    name: z.string(),
    state: z.enum(['active', 'used-up', 'expired', 'revoked']),
    createdBy: z.string(),
    createdAt: Timestamp,
    expiresAt: Timestamp,
    maxUses: z.int().nullable(),
    uses: z.int(),
    lastUsedAt: Timestamp.nullable(),
    /** How many identifiers it is limited to; null where any device may use it. */
    identifiers: z.int().nullable(),
    revokedAt: Timestamp.nullable(),
  })
  .meta({ id: 'ProvisioningToken' });
export type ProvisioningToken = z.infer<typeof ProvisioningToken>;
export const ProvisioningTokenRequest = z.strictObject({
  name: ShortText.min(1),
  days: z.int().min(1).max(365).default(30),
  maxUses: z.int().min(1).max(1_000_000).nullable().default(null),
  identifiers: z.array(PermanentIdentifier).min(1).max(10_000).nullable().default(null),
});
export const ProvisioningTokenMade = z
  .object({ token: ProvisioningToken, secret: z.string() })
  .meta({ id: 'ProvisioningTokenMade' });
export const ProvisioningTokenPage = z
  .object({ tokens: z.array(ProvisioningToken), next: z.string().nullable() })
  .meta({ id: 'ProvisioningTokenPage' });

export const ApiToken = z
  .object({
    id: Id,
    name: z.string(),
    scopes: z.array(Scope),
    createdBy: z.string(),
    /** Whether the person who made it left, or is no owner any more, and may still know its secret. */
    orphaned: z.boolean(),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
  })
  .meta({ id: 'ApiToken' });
export type ApiToken = z.infer<typeof ApiToken>;
export const ApiTokenRequest = z.strictObject({
  name: ShortText.min(1),
  scopes: z.array(Scope).min(1).max(20),
  days: z.int().min(1).max(365).default(90),
});
export const ApiTokenMade = z.object({ token: ApiToken, secret: z.string() }).meta({ id: 'ApiTokenMade' });
export const ApiTokenPage = z
  .object({ tokens: z.array(ApiToken), next: z.string().nullable() })
  .meta({ id: 'ApiTokenPage' });

export const ConflictResolution = z.enum(['merge', 'replace', 'reject']);
export const Conflict = z
  .object({
    id: Id,
    kind: z.enum(CONFLICT_KINDS),
    state: z.enum(['open', 'resolved']),
    /** What the claim says, as plain text fields. */
    claimant: z.record(z.string(), z.string()),
    device: Device,
    candidate: Device.nullable(),
    /** What an administrator can do with it. */
    resolutions: z.array(ConflictResolution),
    resolution: ConflictResolution.nullable(),
    resolvedBy: z.string().nullable(),
    resolvedAt: Timestamp.nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Conflict' });
export type Conflict = z.infer<typeof Conflict>;
export const ConflictPage = z
  .object({ conflicts: z.array(Conflict), next: z.string().nullable() })
  .meta({ id: 'ConflictPage' });
export const ConflictQuery = PageQuery.extend({ state: z.enum(['open', 'resolved']).default('open') });
/** `POST /api/v1/conflicts/{id}/resolution` with If-Match: the versions of the records that were on the screen (shownVersion). */
export const ResolutionRequest = z.strictObject({
  resolution: ConflictResolution,
  reason: z.string().max(1000).optional(),
});

/** `GET /api/v1/candidates`: claims that may belong to an existing record, with that record. */
export const Candidate = z.object({ candidate: Device, device: Device.nullable() }).meta({ id: 'Candidate' });
export const CandidatePage = z
  .object({ candidates: z.array(Candidate), next: z.string().nullable() })
  .meta({ id: 'CandidatePage' });
/** `POST /api/v1/candidates/{id}/resolution` with If-Match: the versions of the record and of the candidate (shownVersion). */
export const CandidateResolution = z.strictObject({
  resolution: z.enum(['merge', 'reject']),
  reason: z.string().max(1000).optional(),
});

/** `PATCH /api/v1/devices/{id}` with If-Match: a value masks what MDM and machine say, null shows theirs again. */
export const DeviceChange = z.strictObject({
  name: ShortText.min(1).nullable().optional(),
  serial: z.string().min(1).max(128).nullable().optional(),
  os: OperatingSystem.nullable().optional(),
  ownership: OwnershipKind.nullable().optional(),
  owner: Email.nullable().optional(),
  shared: z.boolean().optional(),
  tags: z.array(z.string().min(1).max(128)).max(64).nullable().optional(),
});
export type DeviceChange = z.infer<typeof DeviceChange>;
/** `PUT /api/v1/devices/{id}/lifecycle` with If-Match. */
export const LifecycleChange = z.strictObject({ lifecycle: Lifecycle });

const LayerValues = z.record(z.string(), z.unknown());
/** `GET /api/v1/devices/{id}/values`: every layer, and which one each visible value comes from. */
export const DeviceValues = z
  .object({
    visible: z.record(z.string(), z.object({ value: z.unknown(), from: z.string() })),
    explicit: LayerValues,
    /** `connection` is the id of the MDM connection; of a former one, the name of its source. */
    mdm: z.array(z.object({ connection: z.string(), source: Source, values: LayerValues })),
    machine: LayerValues,
  })
  .meta({ id: 'DeviceValues' });
export type DeviceValues = z.infer<typeof DeviceValues>;

export const Person = z
  .object({
    id: Id,
    email: z.string(),
    displayName: z.string().nullable(),
    role: Role.nullable(),
    active: z.boolean(),
    signedIn: z.boolean(),
    devices: z.int(),
    createdAt: Timestamp,
    lastSignInAt: Timestamp.nullable(),
  })
  .meta({ id: 'Person' });
export type Person = z.infer<typeof Person>;
/** `search` looks in names and e-mail addresses. */
export const PersonQuery = PageQuery.extend({ search: z.string().min(1).max(256).optional() });
export const PersonPage = z.object({ people: z.array(Person), next: z.string().nullable() }).meta({ id: 'PersonPage' });
/** `PATCH /api/v1/people/{id}`: `active: false` when the person leaves; Team Settings say what happens to their devices and API tokens. */
export const PersonChange = z.strictObject({ role: Role.nullable().optional(), active: z.boolean().optional() });
export const PersonChanged = z
  .object({
    person: Person,
    policy: TeamSettings.shape.onPersonLeaves.nullable(),
    devices: z.int(),
    /** The live API tokens that somebody made who with this change left, or is no owner any more, and what became of them. */
    tokens: z.object({
      policy: TeamSettings.shape.onTokenMakerLeaves,
      made: z.array(z.object({ id: Id, name: z.string() })),
    }),
  })
  .meta({ id: 'PersonChanged' });

/** `GET /api/v1/mdm-connections`. */
export const MdmConnectionList = z
  .object({
    connections: z.array(
      z.object({
        id: Id,
        source: Source,
        name: z.string(),
        provider: z.string(),
        enabled: z.boolean(),
        syncedAt: Timestamp.nullable(),
        fullySyncedAt: Timestamp.nullable(),
        lastError: z.string().nullable(),
        createdAt: Timestamp,
      }),
    ),
  })
  .meta({ id: 'MdmConnectionList' });
/** What a sync did: `stopped` where too much would vanish at once, `busy` where another one runs. */
export const MdmSyncReport = z
  .object({
    outcome: z.enum(['done', 'stopped', 'failed', 'busy']),
    reason: z.string().nullable(),
    seen: z.int(),
    added: z.int(),
    merged: z.int(),
    withoutIdentifier: z.int(),
    tombstones: z.int(),
    notAllowed: z.int(),
    unreadable: z.int(),
    gone: z.int(),
  })
  .meta({ id: 'MdmSyncReport' });
export type MdmSyncReport = z.infer<typeof MdmSyncReport>;
export type MdmConnection = z.infer<typeof MdmConnectionList>['connections'][number];
