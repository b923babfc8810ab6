import { z } from 'zod';
import { AssuranceReason, EkClass } from './device.ts';
import { base64Bytes, Id, PermanentIdentifier, ShortText, Timestamp } from './primitives.ts';

/** One stored attestation as lists show it: what was decided, with the reasons of that time. */
export const EvidenceSummary = z
  .object({
    id: Id,
    deviceId: Id,
    kind: z.enum(['tpm', 'claim', 'apple']),
    purpose: z.enum(['enrol', 'reattest', 'alias']),
    outcome: z.enum(['valid', 'failed']),
    verdict: z.record(z.string(), z.unknown()),
    createdAt: Timestamp,
  })
  .meta({ id: 'EvidenceSummary' });
export type EvidenceSummary = z.infer<typeof EvidenceSummary>;
export const EvidenceList = z.object({ evidence: z.array(EvidenceSummary) }).meta({ id: 'EvidenceList' });
/** One X.509 certificate among the bytes, named for people. */
export const EvidenceCertificate = z.object({
  /** Which key it speaks for, or helps to. */
  of: z.enum(['endorsement-key', 'attestation-key', 'apple']),
  /** Where the certificate has no name, the TPM that it names instead. */
  subject: z.string(),
  issuer: z.string(),
  notBefore: Timestamp,
  notAfter: Timestamp,
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  sha256: z.string(),
});
export type EvidenceCertificate = z.infer<typeof EvidenceCertificate>;
/** With the bytes (base64) that it was judged by, and the certificates among them. */
export const Evidence = EvidenceSummary.extend({
  bytes: z.record(z.string(), z.unknown()),
  certificates: z.array(EvidenceCertificate),
}).meta({ id: 'Evidence' });
export type Evidence = z.infer<typeof Evidence>;

/** `POST /api/v1/evidence/{id}/verification`: what today's rules and roots say of it. */
export const EvidenceVerification = z
  .object({
    id: Id,
    deviceId: Id,
    stored: z.enum(['valid', 'failed']),
    outcome: z.enum(['valid', 'failed']),
    code: z.string().nullable(),
    ekClassThen: EkClass.nullable(),
    ekClass: EkClass.nullable(),
    reasons: z.array(z.string()),
  })
  .meta({ id: 'EvidenceVerification' });
export type EvidenceVerification = z.infer<typeof EvidenceVerification>;

/** `GET /api/v1/access?device=&level=`: may this device reach what is protected? Without `level`, only high assurance does. */
export const AccessLevel = z.enum(['normal', 'high']);
export const AccessQuery = z.strictObject({
  device: z.string().min(1).max(512),
  level: AccessLevel.default('high'),
});
/** `POST /api/v1/access`: the same for the client certificate (DER, base64) that a gateway has verified. */
export const AccessByCertificate = z.strictObject({
  certificate: base64Bytes(16_384),
  level: AccessLevel.default('high'),
});
export const AccessAnswer = z
  .object({
    allow: z.boolean(),
    level: AccessLevel,
    device: z
      .object({
        id: Id,
        permanentIdentifier: PermanentIdentifier,
        owner: z.string().nullable(),
        assurance: AccessLevel,
      })
      .nullable(),
    /** Why not, where it is refused; empty where it is allowed. */
    reasons: z.array(
      z.object({
        code: z.union([AssuranceReason.shape.code, z.enum(['unknown-device', 'conflict'])]),
        text: z.string(),
      }),
    ),
  })
  .meta({ id: 'AccessAnswer' });
export type AccessAnswer = z.infer<typeof AccessAnswer>;

/**
 * `POST /api/v1/attestations/apple`: Apple's Managed Device Attestation of a device that the inventory holds: as DER certificates (MDM, with
 * the nonce that was asked with) or as the CBOR statement of an ACME challenge (with its token).
 */
export const AppleAttestationRequest = z.discriminatedUnion('channel', [
  z.strictObject({
    channel: z.literal('mdm'),
    serial: ShortText.min(1),
    certificates: z.array(base64Bytes(16_384)).min(1).max(4),
    nonce: base64Bytes(32),
  }),
  z.strictObject({
    channel: z.literal('acme'),
    serial: ShortText.min(1),
    statement: base64Bytes(65_536),
    token: z.string().min(1).max(512),
  }),
]);
export type AppleAttestationRequest = z.infer<typeof AppleAttestationRequest>;

/** One record of the audit chain. `before` and `after` hold field names and values, never a secret. */
export const AuditRecord = z
  .object({
    seq: z.int(),
    id: Id,
    at: Timestamp,
    actor: z.object({
      type: z.string(),
      id: z.string().nullable(),
      name: z.string().nullable(),
      /** The person's address now, where the record has only an identifier; no part of the chain. */
      knownAs: z.string().nullable().optional(),
      address: z.string().nullable(),
    }),
    action: z.string(),
    /** `name`: what the subject is called now, where lists show it and it still exists; no part of the chain. */
    subject: z.object({ type: z.string(), id: z.string().nullable(), name: z.string().nullable().optional() }),
    outcome: z.enum(['done', 'refused']),
    code: z.string().nullable(),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
    requestId: z.string().nullable(),
    previousHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditRecord' });
export type AuditRecord = z.infer<typeof AuditRecord>;
export const AuditPage = z
  .object({ records: z.array(AuditRecord), next: z.string().nullable() })
  .meta({ id: 'AuditPage' });
/** `GET /api/v1/audit`, newest first. `action` ends in `.*` for every action on one kind of thing; times are inclusive. */
export const AuditQuery = z.strictObject({
  /** Identifier or name (usually the e-mail address) of who did it. */
  actor: z.string().min(1).max(256).optional(),
  subject: z.string().min(1).max(256).optional(),
  action: z.string().min(1).max(64).optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  outcome: z.enum(['done', 'refused']).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(1024).optional(),
});
