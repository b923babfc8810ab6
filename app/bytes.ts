import { createHash } from 'node:crypto';

/** Padded standard base64, as the attestation protocol sends bytes. */
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
/** base64url without padding, as JOSE and HTTP signatures send bytes. */
export const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
export const sha256 = (bytes: Uint8Array | string): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest());
