import { z } from 'zod';
import { Email, OperatingSystem, Source } from '../../contract/index.ts';
import { refuseSmallstep } from './refusal.ts';

/** PostgreSQL's text holds no NUL, and a lone surrogate is no text at all. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must be plain text');

/** Filled from the device itself, never stored (documentation of `deviceMetadata`). */
const RESERVED = new Set([
  'smallstep:identity',
  'Device.ID',
  'Device.DisplayName',
  'Device.PermanentIdentifier',
  'Device.PermanentIdentifierURI',
  'Device.Hostname',
  'Device.HostURI',
  'Device.Serial',
  'SSH.Principals',
  'SSH.KeyID',
  'SSH.Extensions',
]);

const Metadata = z
  .record(text(128).min(1), text(1024))
  .refine((map) => Object.keys(map).length <= 64, 'holds more than 64 keys')
  .transform((map) => Object.fromEntries(Object.entries(map).filter(([key]) => !RESERVED.has(key))));
const Tags = z
  .array(text(128).min(1))
  .max(64)
  .transform((tags) => [...new Set(tags)]);
const Ownership = z.enum(['company', 'user']).transform((value) => (value === 'user' ? 'personal' : value));

export const DeviceRequest = z.object({
  permanentIdentifier: z.string().min(1).max(512),
  displayId: text(256).optional(),
  displayName: text(256).optional(),
  serial: text(128).optional(),
  os: OperatingSystem.optional(),
  ownership: Ownership.optional(),
  tags: Tags.optional(),
  // Sent as null where it is empty, by the vendor's own Terraform provider.
  metadata: Metadata.nullish(),
  user: z.object({ email: Email }).nullish(),
});

export const DevicePatch = z.object({
  displayId: text(256).nullish(),
  displayName: text(256).nullish(),
  serial: text(128).nullish(),
  os: OperatingSystem.nullish(),
  ownership: Ownership.nullish(),
  tags: Tags.nullish(),
  metadata: Metadata.nullish(),
  user: z.object({ email: Email.nullable() }).optional(),
  shared: z.boolean().optional(),
});

export const LifecyclePatch = z.object({ status: z.enum(['active', 'quarantined', 'deleted']) });

export const PolicyRequest = z.object({
  allowedSources: z.array(Source).max(50),
  autoApproveSources: z.array(Source).max(50),
  requireUserBinding: z.boolean().default(true),
});

const Slug = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'must be a lower-case name');
export const NewCollection = z.object({
  slug: Slug,
  displayName: text(256).optional(),
  schemaURI: text(2048).optional(),
});
export const CollectionUpdate = z.object({
  slug: Slug.optional(),
  displayName: text(256).min(1),
  schemaURI: text(2048).optional(),
});
export const InstanceBody = z.object({ data: z.unknown() });
export const NewEnrollmentToken = z.object({ title: text(256).optional() });

/** The whole read model, as the documents have it; what only Smallstep fills (`authorityID`, roots) is ignored, as they say. */
export const DeviceCollectionRequest = z.object({
  displayName: text(256).min(1),
  deviceType: z.enum(['aws-vm', 'azure-vm', 'gcp-vm', 'tpm']),
  deviceTypeConfiguration: z.object({ forceCN: z.boolean().optional(), requireEAB: z.boolean().optional() }),
});

/** `POST /auth`: a client certificate with its chain, which is offered for a token. */
export const AuthRequest = z.object({
  teamID: text(256).optional(),
  teamSlug: text(256).optional(),
  bundle: z.array(z.string().max(16_384)).max(16).optional(),
  audience: z.literal('step-agent').optional(),
});

/** The body in the shape of a schema; unknown fields are ignored. Errors: a refusal with `status` that names the fields. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown, status: 400 | 422 = 400): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 5).map((issue) => {
    const where = issue.path.map(String).join('.');
    return `${where === '' ? 'The body' : where}: ${issue.message}`;
  });
  return refuseSmallstep(status, `The request is not valid. ${faults.join('; ')}.`);
}

export function parseSlug(text: string): string {
  return Slug.safeParse(text).success
    ? text
    : refuseSmallstep(400, 'The slug of a collection is a lower-case name of letters, digits, dashes and underscores.');
}

const MAX_DATA = 64 * 1024;
const MAX_DEPTH = 64;

/** Any JSON of bounded size and depth, as text. Deeper values would overflow the stack of whoever prints them. */
export function dataText(data: unknown): string {
  if (data === undefined) return refuseSmallstep(400, 'data: Required.');
  let level: unknown[] = [data];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return refuseSmallstep(400, `The data is nested more than ${MAX_DEPTH} levels deep.`);
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  const written = JSON.stringify(data);
  if (written.length > MAX_DATA) return refuseSmallstep(400, `The data is larger than ${MAX_DATA / 1024} KiB.`);
  return written;
}
