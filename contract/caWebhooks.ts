import { z } from 'zod';
import { AccessLevel } from './evidence.ts';
import { Timestamp } from './primitives.ts';

/** The id that step-ca gave a webhook, as it sends it in `X-Smallstep-Webhook-ID`. */
export const CaWebhookId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the webhook id that step-ca printed');

/** A certificate authority that asks before it issues. `level`: what a device must have reached to get a certificate. */
export const CaWebhook = z
  .object({
    id: CaWebhookId,
    name: z.string(),
    level: AccessLevel,
    createdBy: z.string(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    lastUsedAt: Timestamp.nullable(),
  })
  .meta({ id: 'CaWebhook' });
export type CaWebhook = z.infer<typeof CaWebhook>;
export const CaWebhookList = z.object({ webhooks: z.array(CaWebhook) }).meta({ id: 'CaWebhookList' });

/** `PUT /api/v1/ca-webhooks/{id}`: `secret` as step-ca printed it (standard base64); without it, a known webhook keeps its own. */
export const CaWebhookRequest = z.strictObject({
  name: z.string().min(1).max(120),
  secret: z
    .string()
    .regex(
      /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
      'must be the secret that step-ca printed',
    )
    .min(24)
    .max(256)
    .optional(),
  level: AccessLevel.default('high'),
});

/**
 * `POST /api/v1/webhooks/step-ca`, as step-ca sends it before it renders a certificate (ENRICHING) and before it signs it (AUTHORIZING). Only
 * what the answer rests on; the rest of its many members is ignored.
 */
export const CaWebhookQuestion = z
  .object({
    timestamp: Timestamp,
    provisionerName: z.string().max(256).optional(),
    /** There only after a device-attest-01 challenge. */
    attestationData: z.object({ permanentIdentifier: z.string().max(1024) }).optional(),
    /** The certificate that is about to be signed. */
    x509Certificate: z
      .object({
        sans: z
          .array(z.object({ type: z.string().max(64), value: z.string().max(4096) }))
          .max(200)
          .nullish(),
      })
      .optional(),
  })
  .meta({ id: 'CaWebhookQuestion' });
export type CaWebhookQuestion = z.infer<typeof CaWebhookQuestion>;

/** What step-ca reads: `data` is `.Webhooks.<name>` in its templates; without `error`, a refusal would be a server error to the client. */
export const CaWebhookAnswer = z
  .object({
    allow: z.boolean(),
    data: z
      .object({
        id: z.string(),
        permanentIdentifier: z.string(),
        name: z.string(),
        owner: z.string().nullable(),
        ownership: z.string().nullable(),
        shared: z.boolean(),
        assurance: AccessLevel,
      })
      .optional(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'CaWebhookAnswer' });
export type CaWebhookAnswer = z.infer<typeof CaWebhookAnswer>;
