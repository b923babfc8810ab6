import { z } from 'zod';
import { base64Bytes, ShortText, Timestamp } from './primitives.ts';

export const RootFingerprint = z.string().regex(/^[0-9a-f]{64}$/);
const RootClass = z.enum(['hardware', 'firmware', 'virtual', 'software']);

/** A certificate of a TPM maker that chains of endorsement keys may end at (`root`) or lead through (`intermediate`). */
export const TrustedRoot = z
  .object({
    /** SHA-256 of the DER, hexadecimal. */
    fingerprint: RootFingerprint,
    vendor: z.string(),
    subject: z.string(),
    role: z.enum(['root', 'intermediate']),
    /** What its chips count as; null where the vendor's own class holds. */
    ekClass: RootClass.nullable(),
    source: z.enum(['shipped', 'administrator', 'demo']),
    trusted: z.boolean(),
    notAfter: Timestamp,
    createdAt: Timestamp,
  })
  .meta({ id: 'TrustedRoot' });
export type TrustedRoot = z.infer<typeof TrustedRoot>;
export const TrustedRootList = z.object({ roots: z.array(TrustedRoot) }).meta({ id: 'TrustedRootList' });

/** `POST /api/v1/roots`: a maker's certificate (DER, base64) that is not among those that Muster knows. */
export const TrustedRootRequest = z.strictObject({
  certificate: base64Bytes(16_384),
  vendor: ShortText.min(1),
  role: z.enum(['root', 'intermediate']).default('root'),
  ekClass: RootClass.nullable().default(null),
});
/** `PUT /api/v1/roots/{fingerprint}/trust` */
export const RootTrust = z.strictObject({ trusted: z.boolean() });
/**
 * `devices`: those that were judged again because their chain ended there; `done` is false where an inventory has so many that the server
 * goes on with the others by itself, through a restart too.
 */
export const RootTrustChanged = z
  .object({ root: TrustedRoot, devices: z.int(), done: z.boolean() })
  .meta({ id: 'RootTrustChanged' });
