import { canonicalSpki } from '../../attestation/spki.ts';

/** TCG's optional header in front of a certificate in NV: tag, version, then the size as u16. */
const TCG_HEADER = [0x10, 0x01, 0x00];

/**
 * Cuts the certificates out of an NV area: takes off TCG's header, ends each at its outer DER length and drops what
 * follows (areas are larger than their content and end in zeros or 0xFF). Certificates are never re-encoded.
 */
export function certificatesInNv(area: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  if (TCG_HEADER.every((byte, index) => area[index] === byte)) at = 5;
  for (;;) {
    const end = sequenceEnd(area, at);
    if (end === undefined) return found;
    found.push(area.slice(at, end));
    at = end;
  }
}

/** Where the DER SEQUENCE at `at` ends, or undefined where there is none that fits. Lengths may be non-minimal. */
function sequenceEnd(bytes: Uint8Array, at: number): number | undefined {
  const value = readValue(bytes, at);
  return value?.tag === 0x30 && value.end - value.content >= 32 ? value.end : undefined;
}

type Value = { tag: number; content: number; end: number };

function readValue(bytes: Uint8Array, at: number): Value | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  let content = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) return undefined;
    length = 0;
    for (let i = 0; i < count; i += 1) length = length * 256 + (bytes[content + i] ?? 0);
    content += count;
  }
  const end = content + length;
  return end > bytes.length ? undefined : { tag, content, end };
}

/**
 * The public key of a certificate as canonical SubjectPublicKeyInfo, or undefined where the certificate cannot be read.
 * Only the way to the key is walked: EK certificates deviate in ways that strict parsers refuse (RFC 5280, 4.1).
 */
export function certificateSpki(certificate: Uint8Array): Uint8Array | undefined {
  const outer = readValue(certificate, 0);
  const tbs = outer && readValue(certificate, outer.content);
  if (tbs?.tag !== 0x30) return undefined;
  let at = tbs.content;
  const version = readValue(certificate, at);
  if (version?.tag === 0xa0) at = version.end;
  // serialNumber, signature, issuer, validity, subject
  for (let skipped = 0; skipped < 5; skipped += 1) {
    const value = readValue(certificate, at);
    if (!value || value.end > tbs.end) return undefined;
    at = value.end;
  }
  const key = readValue(certificate, at);
  if (key?.tag !== 0x30 || key.end > tbs.end) return undefined;
  try {
    return canonicalSpki(certificate.subarray(at, key.end));
  } catch {
    // An algorithm that Muster does not use (SM2): the certificate is kept out, not an error.
    return undefined;
  }
}
