import { type KeyObject, sign } from 'node:crypto';
import { utf8 } from '../bytes.ts';
import { DER, der, derOid, derUnsigned } from '../der.ts';
import type { Made } from './certificates.ts';

const sequence = (...parts: Uint8Array[]) => der(DER.SEQUENCE, ...parts);
const NONE: Uint8Array = new Uint8Array(0);
const ECDSA_SHA256 = sequence(derOid('1.2.840.10045.4.3.2'));
const time = (iso: string) => der(DER.UTC_TIME, utf8(`${iso.replace(/[-:T]/g, '').slice(2, 14)}Z`));
export const revokedAt = time('2026-05-01T00:00:00Z');
export const revokedEntry = (serial: number[], more: Uint8Array = NONE): Uint8Array =>
  sequence(derUnsigned(new Uint8Array(serial)), revokedAt, more);

export type RevocationListOptions = {
  issuer: Made;
  entries?: Uint8Array[];
  key?: KeyObject;
  from?: string;
  to?: string;
  version?: Uint8Array;
  extensions?: Uint8Array[];
  inner?: Uint8Array;
  algorithm?: Uint8Array;
  tail?: Uint8Array;
};

/** A revocation list with anything wrong in it that a test wants. */
export function revocationList(options: RevocationListOptions): Uint8Array {
  const { issuer, entries = [], key = issuer.key, extensions = [], algorithm = ECDSA_SHA256 } = options;
  const tbs = sequence(
    options.version ?? derUnsigned(new Uint8Array([1])),
    options.inner ?? algorithm,
    issuer.subject,
    time(options.from ?? '2026-05-20T00:00:00Z'),
    time(options.to ?? '2026-06-20T00:00:00Z'),
    entries.length > 0 ? sequence(...entries) : NONE,
    extensions.length > 0 ? der(0xa0, sequence(...extensions)) : NONE,
    options.tail ?? NONE,
  );
  return sequence(tbs, algorithm, der(DER.BIT_STRING, new Uint8Array(1), sign('sha256', tbs, key)));
}
