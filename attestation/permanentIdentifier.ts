import type { KeyObject } from 'node:crypto';
import { refuse } from './error.ts';
import { digest } from './hashes.ts';
import { canonicalSpki, exportSpki } from './spki.ts';

const PREFIX = 'urn:ek:sha256:';

/**
 * The permanent identifier of a TPM 2.0 device: `urn:ek:sha256:` and the padded standard base64 of SHA-256 over the EK's
 * SubjectPublicKeyInfo DER. Keys in another encoding (RSAES-OAEP, compressed points) are re-encoded first, so that one key has one URN.
 * Errors: `certificate-malformed`, `unsupported-algorithm`, `bad-argument` for a key object that is not public.
 */
export function ekUri(publicKey: KeyObject | Uint8Array): string {
  return urnOfSpki(canonicalSpki(publicKey instanceof Uint8Array ? publicKey : exportSpki(publicKey)));
}

/** The URN of a key whose SubjectPublicKeyInfo is canonical already. */
export function urnOfSpki(spki: Uint8Array): string {
  return PREFIX + Buffer.from(digest('sha256', spki)).toString('base64');
}

/**
 * The canonical form of an EK URN. Accepts percent-encoded, URL-safe and unpadded base64, the bare `sha256:` form and 64 hexadecimal
 * digits; everything else is refused (`identifier-malformed`). Base64 is case-sensitive: case is never changed.
 */
export function normalizePermanentIdentifier(text: string): string {
  if (text.length > 256) return malformed('it is too long');
  let plain = text;
  if (text.includes('%')) {
    try {
      plain = decodeURIComponent(text);
    } catch {
      return malformed('its percent-encoding is broken');
    }
  }
  plain = plain.trim();
  const value = /^(?:urn:ek:)?sha256:/i.exec(plain)?.[0];
  const encoded = value ? plain.slice(value.length) : plain;
  if (/^[0-9a-fA-F]{64}$/.test(encoded)) return PREFIX + Buffer.from(encoded, 'hex').toString('base64');
  if (!value) return malformed('it does not begin with urn:ek:sha256:');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(encoded)) return malformed('32 bytes in base64 are expected after the prefix');
  const standard = encoded.replaceAll('-', '+').replaceAll('_', '/').replace(/=$/, '');
  const bytes = Buffer.from(standard, 'base64');
  // The 43rd character carries only four bits: with others set, two texts would name one device.
  if (bytes.toString('base64') !== `${standard}=`)
    return malformed('its last character carries bits that do not count');
  return PREFIX + bytes.toString('base64');
}

function malformed(why: string): never {
  return refuse('identifier-malformed', `This is not an EK URN: ${why}.`);
}
