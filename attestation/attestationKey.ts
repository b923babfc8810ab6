import type { KeyObject } from 'node:crypto';
import { type CreationData, parseAttest, parseCreationData, parseSignature } from './attest.ts';
import { equalBytes } from './bytes.ts';
import { refuse } from './error.ts';
import { digest, hashOf, strongHashOf } from './hashes.ts';
import { checkKeyStrength, lazyKey } from './keys.ts';
import { hasAttributes, nameOfBytes, type PublicArea, parsePublic } from './publicArea.ts';
import { encodeSpki, type KeyNumbers, keyNumbersOf } from './spki.ts';
import { ALG, ATTRIBUTE } from './tpmConstants.ts';
import { checkTpmSignature } from './verifySignature.ts';

/** An attestation key that met the rules for one. Only activation proves that it lives in the TPM of an EK. */
export type AttestationKey = {
  /** The TPMT_PUBLIC bytes as received. */
  publicBytes: Uint8Array;
  area: PublicArea;
  /** Recomputed from `publicBytes`: nameAlg ‖ digest. */
  name: Uint8Array;
  /** Canonical SubjectPublicKeyInfo DER. */
  spki: Uint8Array;
  /** Made when it is first read. */
  readonly key: KeyObject;
};

/** An attestation key whose own TPM attested its creation, with the TPMS_CREATION_DATA that were attested. */
export type VerifiedAttestationKey = AttestationKey & { creationData: CreationData };

const IN_THIS_TPM = ATTRIBUTE.FIXED_TPM | ATTRIBUTE.FIXED_PARENT | ATTRIBUTE.SENSITIVE_DATA_ORIGIN;

/**
 * Reads an attestation key and refuses any that could sign what the TPM did not make: restricted, sign, fixedTPM, fixedParent and
 * sensitiveDataOrigin must be set; decrypt and encryptedDuplication clear; no symmetric cipher; a scheme and a hash of its own
 * (SHA-256 or better); RSA of 2048 bits or more, or P-256 or better. Authorization attributes are free: Windows' keys carry a policy.
 * @param publicBytes TPMT_PUBLIC (TPM 2.0 Library part 2 section 12.2.4), without size.
 * @throws AttestationError `wrong-attributes`, `wrong-scheme`, `weak-algorithm`, `weak-key`, `roca-weak-key`, and those of `parsePublic`.
 */
export function readAttestationKey(publicBytes: Uint8Array): AttestationKey {
  const area = parsePublic(publicBytes);
  strongHashOf(area.nameAlg);
  if (!hasAttributes(area, IN_THIS_TPM | ATTRIBUTE.RESTRICTED | ATTRIBUTE.SIGN)) {
    refuse(
      'wrong-attributes',
      'The attestation key is not a restricted signing key fixed to its TPM, so it could sign forged statements.',
    );
  }
  if ((area.attributes & (ATTRIBUTE.DECRYPT | ATTRIBUTE.ENCRYPTED_DUPLICATION)) !== 0) {
    refuse(
      'wrong-attributes',
      'The attestation key may also decrypt or be duplicated, which an attestation key must not.',
    );
  }
  if (area.symmetric.alg !== ALG.NULL)
    refuse('wrong-attributes', 'The attestation key carries a symmetric cipher like a storage key.');
  checkScheme(area, 'The attestation key');
  return describeKey(area, publicBytes, 'The attestation key');
}

/** The scheme of a signing key: RSASSA, RSAPSS or ECDSA, of its own key type, with SHA-256 or better. */
export function checkScheme(area: PublicArea, what: string): void {
  const { alg, hash } = area.scheme;
  const fits = area.type === 'rsa' ? alg === ALG.RSASSA || alg === ALG.RSAPSS : alg === ALG.ECDSA;
  if (!fits) refuse('wrong-scheme', `${what} declares no signing scheme of its own (RSASSA, RSAPSS or ECDSA).`);
  strongHashOf(hash ?? ALG.NULL);
}

/** Checks sizes and strength of a key and computes its Name. Errors: `weak-key`, `roca-weak-key`. */
export function describeKey(area: PublicArea, publicBytes: Uint8Array, what: string): AttestationKey {
  if (area.type === 'rsa' && area.modulus.length * 8 !== area.keyBits) {
    refuse('weak-key', `${what} has a modulus of ${area.modulus.length * 8} bits but says ${area.keyBits}.`);
  }
  const numbers = keyNumbersOf(area);
  checkKeyStrength(numbers, what);
  return new ReadKey(publicBytes, area, nameOfBytes(area.nameAlg, publicBytes), numbers);
}

/** A class, since a getter in an object literal gives every object a shape of its own, and all that touch it pay for that. */
class ReadKey implements AttestationKey {
  readonly publicBytes: Uint8Array;
  readonly area: PublicArea;
  readonly name: Uint8Array;
  readonly spki: Uint8Array;
  readonly #key: () => KeyObject;

  constructor(publicBytes: Uint8Array, area: PublicArea, name: Uint8Array, numbers: KeyNumbers) {
    this.publicBytes = publicBytes;
    this.area = area;
    this.name = name;
    this.spki = encodeSpki(numbers);
    this.#key = lazyKey(numbers);
  }

  get key(): KeyObject {
    return this.#key();
  }
}

/**
 * Checks that an attestation key is what it claims, as far as its own TPM's word goes: the creation attestation (made by
 * TPM2_CertifyCreation with the key certifying itself) names this public area and this creation data, and the key signed it.
 * Next comes `makeCredential` on the returned name: only activation ties the key to an EK.
 * @param parameters.public TPMT_PUBLIC. @param parameters.creationData TPMS_CREATION_DATA. @param parameters.attest TPMS_ATTEST of type
 * creation. @param parameters.signature TPMT_SIGNATURE over `attest`. All without TPM2B sizes.
 * @throws AttestationError those of {@link readAttestationKey}; `wrong-magic`, `wrong-type`, `wrong-name`, `wrong-creation-hash`, `wrong-scheme`,
 * `bad-signature`; parse errors.
 */
export function verifyAttestationKey(parameters: {
  public: Uint8Array;
  creationData: Uint8Array;
  attest: Uint8Array;
  signature: Uint8Array;
}): VerifiedAttestationKey {
  const ak = readAttestationKey(parameters.public);
  const creationData = parseCreationData(parameters.creationData);
  const attest = parseAttest(parameters.attest);
  if (attest.type !== 'creation') refuse('wrong-type', `The creation attestation is of type ${attest.type}.`);
  if (!equalBytes(attest.objectName, ak.name)) {
    refuse('wrong-name', 'The creation attestation is about another key than the public area that came with it.');
  }
  if (!equalBytes(attest.creationHash, digest(hashOf(ak.area.nameAlg).name, parameters.creationData))) {
    refuse('wrong-creation-hash', 'The creation data are not those that the TPM attested.');
  }
  const signature = parseSignature(parameters.signature);
  checkTpmSignature(ak.area, ak.key, signature, parameters.attest, 'The creation attestation');
  return Object.assign(ak, { creationData });
}

export { IN_THIS_TPM };
