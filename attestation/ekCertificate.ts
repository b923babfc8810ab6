import type { KeyObject } from 'node:crypto';
import { equalBytes } from './bytes.ts';
import { CERTIFICATE_MAX, type Certificate, parseCertificate } from './certificate.ts';
import { bytesOf, DER, readDer } from './der.ts';
import { refuse } from './error.ts';
import { type AlternativeNames, alternativeNamesOf, basicConstraintsOf } from './extensions.ts';
import { lazyKey } from './keys.ts';
import { encodeSpki } from './spki.ts';
import { TPM_VENDORS } from './tpmVendors.ts';

/** An endorsement key certificate as read; nothing about it is verified yet. */
export type EkCertificate = {
  certificate: Certificate;
  /** The certificate's DER exactly as it came, without header and padding. */
  raw: Uint8Array;
  /** Canonical SubjectPublicKeyInfo DER of the endorsement key, and the key itself. */
  spki: Uint8Array;
  readonly publicKey: KeyObject;
  /** From the subject alternative name: the registry's name (or the code) of the manufacturer, its code in upper-case hexadecimal, model, version. */
  manufacturer?: { code: string; name: string };
  model?: string;
  version?: string;
  /** What deviates from the standards but was tolerated, in words. */
  irregular: readonly string[];
};

/**
 * Reads an EK certificate as a TPM's NV index holds it (TCG EK Credential Profile section 2.2.1.4): an optional header `10 01 00` with
 * a 16-bit length, one DER certificate, then padding of FF or 00 bytes. Tolerates and reports non-canonical DER of real vendors.
 * @param nvBlob at most 64 KiB.
 * @throws AttestationError `too-large`, `truncated` for a header that promises more than there is, `trailing-bytes` for anything but
 * padding after the certificate, `certificate-malformed`, `unsupported-algorithm`, `duplicate-extension`.
 */
export function parseEkCertificate(nvBlob: Uint8Array): EkCertificate {
  if (nvBlob.length > CERTIFICATE_MAX)
    refuse('too-large', `${nvBlob.length} bytes are more than an EK certificate can have.`);
  const irregular: string[] = [];
  const body = withoutHeader(nvBlob, irregular);
  const mode = { code: 'certificate-malformed', irregular: () => undefined } as const;
  if (body[0] !== DER.SEQUENCE)
    refuse('certificate-malformed', 'The EK certificate does not begin like a certificate.');
  const node = readDer(body, 0, body.length, mode);
  const padding = body.subarray(node.end);
  if (padding.length > 0) {
    if (!isPadding(padding)) {
      refuse('trailing-bytes', `The EK certificate is followed by ${padding.length} bytes that are not padding.`);
    }
    irregular.push(`${padding.length} bytes of padding follow the certificate`);
  }
  const raw = bytesOf(node).slice();
  const certificate = parseCertificate(raw, { lenient: true });
  irregular.push(...certificate.irregularities);
  basicConstraintsOf(certificate, (what) => void irregular.push(what));
  const spki = encodeSpki(certificate.key);
  if (!equalBytes(spki, certificate.spki))
    irregular.push('the public key is encoded in another form than the canonical one');
  const names = alternativeNamesOf(certificate);
  if (!names) irregular.push('there is no subject alternative name');

  return new ReadEk(certificate, raw, spki, names ? describeTpm(names) : {}, irregular);
}

/** A class, since a getter in an object literal gives every object a shape of its own, and all that touch it pay for that. */
class ReadEk implements EkCertificate {
  readonly certificate: Certificate;
  readonly raw: Uint8Array;
  readonly spki: Uint8Array;
  declare manufacturer?: { code: string; name: string };
  declare model?: string;
  declare version?: string;
  readonly irregular: readonly string[];
  readonly #key: () => KeyObject;

  constructor(certificate: Certificate, raw: Uint8Array, spki: Uint8Array, tpm: TpmMembers, irregular: string[]) {
    this.certificate = certificate;
    this.raw = raw;
    this.spki = spki;
    this.irregular = irregular;
    this.#key = lazyKey(certificate.key);
    if (tpm.manufacturer) this.manufacturer = tpm.manufacturer;
    if (tpm.model) this.model = tpm.model;
    if (tpm.version) this.version = tpm.version;
  }

  get publicKey(): KeyObject {
    return this.#key();
  }
}

type TpmMembers = Pick<EkCertificate, 'manufacturer' | 'model' | 'version'>;

function withoutHeader(blob: Uint8Array, irregular: string[]): Uint8Array {
  if (blob[0] !== 0x10 || blob[1] !== 0x01 || blob[2] !== 0x00) return blob;
  if (blob.length < 5) refuse('truncated', 'The EK certificate ends inside its header.');
  const length = ((blob[3] ?? 0) << 8) | (blob[4] ?? 0);
  if (length > blob.length - 5)
    refuse('truncated', `The header of the EK certificate promises ${length} bytes; ${blob.length - 5} follow.`);
  irregular.push('the certificate stands in a TCG header');
  if (!isPadding(blob.subarray(5 + length)))
    refuse('trailing-bytes', 'Bytes that are not padding follow the EK certificate.');
  return blob.subarray(5, 5 + length);
}

/** An NV index is often larger than its certificate: the rest reads as erased memory, all 00 or all FF. */
function isPadding(rest: Uint8Array): boolean {
  const [first = 0] = rest;
  return (first === 0 || first === 0xff) && rest.every((byte) => byte === first);
}

function describeTpm({ tpm }: AlternativeNames): TpmMembers {
  const code = /^id:([0-9A-F]{8})$/i.exec(tpm.manufacturer ?? '')?.[1]?.toUpperCase();
  return {
    ...(code ? { manufacturer: { code, name: TPM_VENDORS[code] ?? code } } : {}),
    ...(tpm.model ? { model: tpm.model } : {}),
    ...(tpm.version ? { version: tpm.version } : {}),
  };
}
