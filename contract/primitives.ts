import { z } from 'zod';

/** Standard base64 with padding (RFC 4648 section 4), as the attestation protocol sends bytes. `max` counts decoded bytes. */
export const base64Bytes = (max: number) =>
  z
    .string()
    .max(Math.ceil(max / 3) * 4)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be padded standard base64');

/** SHA-256 JWK thumbprint (RFC 7638), base64url without padding. */
export const Thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 JWK thumbprint');

/** What names a device for good: the EK's URN, or an Apple serial number. Opaque text with one recognised form. */
export const PermanentIdentifier = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

export const Timestamp = z.iso.datetime({ offset: true });
export const Id = z.uuid();
export const ShortText = z.string().max(256);
export const Email = z.email().max(254);

/** Three letters, dash, three letters: short enough to read aloud, without vowels or look-alikes. */
export const CeremonyCode = z.string().regex(/^[BCDFGHJKLMNPQRSTVWXZ]{3}-[BCDFGHJKLMNPQRSTVWXZ]{3}$/);
