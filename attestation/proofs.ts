import {
  type CertifyAttest,
  type PcrBank,
  type PcrSelection,
  parseAttest,
  parseSignature,
  type QuoteAttest,
  sameSelections,
  selectPcrs,
} from './attest.ts';
import { type AttestationKey, checkScheme, describeKey, IN_THIS_TPM, readAttestationKey } from './attestationKey.ts';
import { equalBytes, sameBytes } from './bytes.ts';
import { refuse } from './error.ts';
import { digest, hashOf, strongHashOf } from './hashes.ts';
import { hasAttributes, parsePublic } from './publicArea.ts';
import { ALG, ATTRIBUTE } from './tpmConstants.ts';
import { checkTpmSignature } from './verifySignature.ts';

/** What both proofs need: TPMS_ATTEST and TPMT_SIGNATURE bytes, and the key that signed (its TPMT_PUBLIC, or what `verifyAttestationKey` returned). */
type Signed = { attest: Uint8Array; signature: Uint8Array; akPublic: Uint8Array | AttestationKey };

/**
 * Checks TPM2_Certify: that the attestation key's TPM vouches for another key of its own.
 * @param parameters.subjectPublic TPMT_PUBLIC of the certified key. @param parameters.extraData the expected qualifyingData, for
 * Muster `bindingDigest('certify', …)`; compared in constant time.
 * @returns the certified key, its recomputed name and the parsed attest.
 * @throws AttestationError `wrong-type`, `wrong-extra-data`, `wrong-name`, `wrong-attributes` when the certified key could leave its TPM, was
 * imported, is restricted or cannot sign, `wrong-scheme`, `weak-key`, `bad-signature`; parse errors.
 */
export function verifyCertify(
  parameters: Signed & { subjectPublic: Uint8Array; extraData: Uint8Array },
): AttestationKey & { attest: CertifyAttest } {
  const ak = keyOf(parameters.akPublic);
  const attest = parseAttest(parameters.attest);
  if (attest.type !== 'certify') refuse('wrong-type', `A certification was expected, this is of type ${attest.type}.`);
  checkExtraData(attest.extraData, parameters.extraData);
  const subject = readCertifiedKey(parameters.subjectPublic);
  if (!equalBytes(attest.name, subject.name)) {
    refuse('wrong-name', 'The certification is about another key than the public area that came with it.');
  }
  checkTpmSignature(ak.area, ak.key, parseSignature(parameters.signature), parameters.attest, 'The certification');
  return Object.assign(subject, { attest });
}

/** The rules for a key that signs for a device: made in its TPM, fixed there, and free to sign what its owner gives it. */
export function readCertifiedKey(publicBytes: Uint8Array): AttestationKey {
  const area = parsePublic(publicBytes);
  strongHashOf(area.nameAlg);
  if (!hasAttributes(area, IN_THIS_TPM | ATTRIBUTE.SIGN)) {
    refuse('wrong-attributes', 'The certified key is not a signing key that was made in its TPM and stays there.');
  }
  const forbidden = ATTRIBUTE.RESTRICTED | ATTRIBUTE.ENCRYPTED_DUPLICATION;
  if ((area.attributes & forbidden) !== 0) {
    refuse(
      'wrong-attributes',
      'The certified key is restricted or may be duplicated: it cannot serve as a device key.',
    );
  }
  if (area.scheme.alg !== ALG.NULL) checkScheme(area, 'The certified key');
  return describeKey(area, publicBytes, 'The certified key');
}

/**
 * Checks TPM2_Quote: that the PCR values given are those of the attestation key's TPM, at the time of the nonce.
 * @param parameters.nonce the expected qualifyingData, for Muster `bindingDigest('quote', …)`. @param parameters.selection what was
 * asked to be quoted (`DEFAULT_PCR_SELECTION`); the quote must select exactly this. @param parameters.pcrs the values, one bank for
 * each bank of the selection and nothing more.
 * @returns the parsed attest; the values may be believed afterwards.
 * @throws AttestationError `wrong-type`, `wrong-extra-data`, `wrong-pcr-selection`, `wrong-pcr-digest`, `bad-signature`, `bad-argument` for an empty
 * selection or nonce; parse errors.
 */
export function verifyQuote(
  parameters: Signed & { nonce: Uint8Array; selection: readonly PcrSelection[]; pcrs: readonly PcrBank[] },
): { attest: QuoteAttest } {
  const ak = keyOf(parameters.akPublic);
  const attest = parseAttest(parameters.attest);
  if (attest.type !== 'quote') refuse('wrong-type', `A quote was expected, this is of type ${attest.type}.`);
  checkExtraData(attest.extraData, parameters.nonce);
  if (!parameters.selection.some(({ pcrs }) => pcrs.length > 0))
    refuse('bad-argument', 'A quote of no PCR at all says nothing about the platform.');
  if (!sameSelections(attest.selections, parameters.selection)) {
    refuse('wrong-pcr-selection', 'The quote does not cover exactly the PCRs that were asked for.');
  }
  const values = selectPcrs(parameters.selection, parameters.pcrs);
  // Part 3 section 18.4: the digest is made with the hash of the signing scheme.
  const { name } = hashOf(ak.area.scheme.hash ?? ALG.NULL);
  if (!equalBytes(attest.pcrDigest, digest(name, ...values))) {
    refuse('wrong-pcr-digest', 'The PCR values are not those that the TPM quoted.');
  }
  checkTpmSignature(ak.area, ak.key, parseSignature(parameters.signature), parameters.attest, 'The quote');
  return { attest };
}

function keyOf(akPublic: Uint8Array | AttestationKey): AttestationKey {
  return akPublic instanceof Uint8Array ? readAttestationKey(akPublic) : akPublic;
}

function checkExtraData(actual: Uint8Array, expected: Uint8Array): void {
  if (expected.length === 0)
    refuse('bad-argument', 'Without expected qualifying data nothing shows that a proof is fresh.');
  if (!sameBytes(actual, expected)) {
    refuse(
      'wrong-extra-data',
      'The proof answers another challenge, or was made for another server, grant, key or purpose.',
    );
  }
}
