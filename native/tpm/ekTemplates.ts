import { sameBytes } from '../../attestation/bytes.ts';
import { curveSize, encodePublic, type PublicArea, parsePublic } from '../../attestation/publicArea.ts';
import { EK_TEMPLATES } from '../../attestation/templates.ts';

export function isTemplate(bytes: Uint8Array): boolean {
  return tryParse(bytes) !== undefined;
}

export function tryParse(bytes: Uint8Array | undefined): PublicArea | undefined {
  if (!bytes || bytes.length < 40) return undefined;
  try {
    return parsePublic(bytes);
  } catch {
    // Not a template: the profile's index holds whatever the maker put there.
    return undefined;
  }
}

/** The nonce fills the beginning of `unique`: the RSA modulus, the ECC x coordinate. */
export function withNonce(template: PublicArea, nonce: Uint8Array): PublicArea {
  if (template.type === 'rsa') {
    const modulus = new Uint8Array(template.keyBits / 8);
    modulus.set(nonce.subarray(0, modulus.length));
    return { ...template, modulus };
  }
  const x = new Uint8Array(curveSize(template.curve));
  x.set(nonce.subarray(0, x.length));
  return { ...template, x, y: new Uint8Array(x.length) };
}

export function emptyUnique(template: PublicArea): PublicArea {
  const none = new Uint8Array(0);
  return template.type === 'rsa' ? { ...template, modulus: none } : { ...template, x: none, y: none };
}

/** The same kind of key as the template's, whatever its numbers. */
export function matchesTemplate(area: PublicArea, template: PublicArea): boolean {
  if (area.type !== template.type || area.attributes !== template.attributes) return false;
  const kind = (key: PublicArea) =>
    key.type === 'rsa'
      ? { ...key, modulus: new Uint8Array(0), exponent: 0 }
      : { ...key, x: new Uint8Array(0), y: new Uint8Array(0) };
  return sameBytes(encodePublic(kind(area)), encodePublic(kind(template)));
}

/** Restricted decryption keys under the endorsement policy: no other persistent key of that range can activate. */
export function isEndorsementKey(area: PublicArea): boolean {
  return Object.values(EK_TEMPLATES).some((template) => matchesTemplate(area, template));
}
