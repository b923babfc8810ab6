const EK_URN = /^urn:ek:sha256:([A-Za-z0-9+/]{43}=)$/;

/**
 * A permanent identifier short enough to read aloud: the first four bytes of an EK's SHA-256 as two groups of hexadecimal digits
 * (`3FA9-C21B`); anything else, such as an Apple serial number, as it is. For comparison by eye only: 32 bits prove nothing.
 * Free of zod: the window bundles it.
 */
export function shortIdentifier(permanentIdentifier: string): string {
  const hash = EK_URN.exec(permanentIdentifier)?.[1];
  if (!hash) return permanentIdentifier;
  const hex = [...atob(hash).slice(0, 4)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0'));
  return `${hex.slice(0, 2).join('')}-${hex.slice(2).join('')}`.toUpperCase();
}
