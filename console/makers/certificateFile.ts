/** Most bytes that the server takes for one certificate (contract/roots.ts). */
const MOST = 16_384;

export type CertificateFile =
  | { kind: 'certificate'; der: Uint8Array<ArrayBuffer> }
  | { kind: 'none' }
  | { kind: 'many' }
  | { kind: 'large' };

const PEM = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/g;

/** The one certificate of a file, PEM (RFC 7468) or DER. Whether it is one of a maker is for the server to say. */
export function readCertificateFile(bytes: Uint8Array<ArrayBuffer>): CertificateFile {
  const blocks = [...new TextDecoder('latin1').decode(bytes).matchAll(PEM)];
  if (blocks.length > 1) return { kind: 'many' };
  const der = blocks[0] ? decodeBase64(blocks[0][1] ?? '') : bytes;
  // DER of a certificate is a SEQUENCE whose length takes two octets (X.690, 8.1.3).
  if (der?.[0] !== 0x30 || der[1] !== 0x82) return { kind: 'none' };
  return der.length > MOST ? { kind: 'large' } : { kind: 'certificate', der };
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

export const encodeBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(''));

/** SHA-256 of the DER, hexadecimal. */
export const fingerprintOf = async (der: Uint8Array<ArrayBuffer>): Promise<string> =>
  Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', der)), (one) =>
    one.toString(16).padStart(2, '0'),
  ).join('');
