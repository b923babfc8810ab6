import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A UUIDv7 (RFC 9562 section 5.7): sorts by the time in milliseconds that is given. */
export function newId(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(value: bigint, length: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < length; i += 1) {
    text = BASE62.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}

export type SecretKind = 'api' | 'grant' | 'provision' | 'invite' | 'session' | 'setup';

const checksum = (body: string) => base62(BigInt(crc32(body)), 6);

/** `muster_<kind>_<43 base62 characters>_<6 of CRC-32>`: 256 random bits, a prefix for secret scanners, a check for typing errors. */
export function newSecret(kind: SecretKind): string {
  const body = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43);
  return `muster_${kind}_${body}_${checksum(body)}`;
}

/** Whether the text has the form and the checksum of a secret of this kind; says nothing about whether it exists. */
export function isSecret(kind: SecretKind, text: string): boolean {
  const match = new RegExp(`^muster_${kind}_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$`).exec(text);
  return match?.[1] !== undefined && checksum(match[1]) === match[2];
}

/** How secrets are stored and found: SHA-256, base64url. Enough for 256 random bits; the index lookup leaks nothing usable. */
export function hashOf(secret: string | Uint8Array): string {
  return createHash('sha256').update(secret).digest('base64url');
}
