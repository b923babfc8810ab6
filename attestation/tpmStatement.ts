import { type VerifiedAkCertificate, verifyAkCertificate } from './akCertificate.ts';
import { type CertifyAttest, parseAttest, parseSignature, type TpmSignature } from './attest.ts';
import type { AttestationKey } from './attestationKey.ts';
import { readAttestationObject, readBytes, readX5c } from './attestationObject.ts';
import { equalBytes, sameBytes, utf8 } from './bytes.ts';
import { publicKeyOf } from './certificate.ts';
import { refuse } from './error.ts';
import { digest } from './hashes.ts';
import type { PreparedRoots } from './issuer.ts';
import { readCertifiedKey } from './proofs.ts';
import { ALG } from './tpmConstants.ts';
import { checkSignature } from './verifySignature.ts';

/** The key that the statement attests, and the device that it names. */
export type VerifiedTpmStatement = {
  /** The attested key: its name, public area and canonical SubjectPublicKeyInfo. */
  key: AttestationKey;
  ak: VerifiedAkCertificate;
  attest: CertifyAttest;
  /** From the AK certificate; compare it with what was ordered. Absent when its authority put none there. */
  permanentIdentifier?: string;
};

/** What a `tpm` statement must prove, and by whose authority. */
export type TpmStatementOptions = {
  /** ACME: the key authorization; the TPM must have signed its SHA-256. */
  keyAuthorization?: string;
  /** WebAuthn and others: the extraData itself. Exactly one of the two. */
  extraData?: Uint8Array;
  /** DER of the accepted roots of attestation authorities, or what `prepareRoots` made of them. */
  roots: readonly Uint8Array[] | PreparedRoots;
  at: Date;
  /** `allowSha1`: accept SHA-1 signatures by the attestation key, as Windows of past years makes them. Off unless said. */
  policy?: { allowSha1?: boolean };
};

/** COSE algorithms (RFC 9053, RFC 8812) and the hash that they mean. */
const COSE: Record<number, number> = {
  [-7]: ALG.SHA256,
  [-257]: ALG.SHA256,
  [-65535]: ALG.SHA1,
  [-35]: ALG.SHA384,
  [-258]: ALG.SHA384,
  [-36]: ALG.SHA512,
  [-259]: ALG.SHA512,
  [-37]: ALG.SHA256,
};

/**
 * Verifies a `tpm` attestation statement (WebAuthn section 8.3; ACME device-attest): CBOR with `ver` "2.0", `alg`, `x5c` (AK
 * certificate first), `sig` (TPMT_SIGNATURE), `certInfo` (TPMS_ATTEST of type certify), `pubArea` (TPMT_PUBLIC).
 * `alg` must be a known COSE algorithm with the hash of the signature; its key type is not compared, since step CLI takes it from the attested key.
 * @throws AttestationError `cbor-malformed`, `wrong-format`, `wrong-type`, `wrong-extra-data`, `wrong-name`, `wrong-attributes`,
 * `weak-algorithm` for SHA-1, `wrong-scheme`, `bad-signature`, `bad-argument`; those of {@link verifyAkCertificate} and of the parsers.
 */
export function verifyTpmStatement(attestationObject: Uint8Array, options: TpmStatementOptions): VerifiedTpmStatement {
  const expected = expectedData(options);
  const statement = readAttestationObject(attestationObject, 'tpm');
  if (statement.get('ver') !== '2.0') refuse('wrong-format', 'The statement is not of TPM version 2.0.');
  const certInfo = readBytes(statement, 'certInfo');
  const signature = parseSignature(readBytes(statement, 'sig'));
  checkAlgorithm(statement.get('alg'), signature, Boolean(options.policy?.allowSha1));
  const ak = verifyAkCertificate({ chain: readX5c(statement.get('x5c')), roots: options.roots, at: options.at });
  const attest = parseAttest(certInfo);
  if (attest.type !== 'certify') refuse('wrong-type', `A certification was expected, this is of type ${attest.type}.`);
  if (!sameBytes(attest.extraData, expected)) refuse('wrong-extra-data', 'The statement answers another challenge.');
  const key = readCertifiedKey(readBytes(statement, 'pubArea'));
  if (!equalBytes(attest.name, key.name))
    refuse('wrong-name', 'The statement certifies another key than its public area shows.');
  checkSignature(ak.certificate.key, publicKeyOf(ak.certificate), signature, certInfo, 'The statement');
  const verified = { key, ak, attest };
  return ak.permanentIdentifier === undefined ? verified : { ...verified, permanentIdentifier: ak.permanentIdentifier };
}

function expectedData({ keyAuthorization, extraData }: TpmStatementOptions): Uint8Array {
  if ((keyAuthorization === undefined) === (extraData === undefined)) {
    refuse('bad-argument', 'Give either the key authorization or the extra data that the TPM must have signed.');
  }
  const expected = extraData ?? digest('sha256', utf8(keyAuthorization ?? ''));
  if (expected.length === 0 || keyAuthorization === '') refuse('bad-argument', 'An empty challenge proves nothing.');
  return expected;
}

function checkAlgorithm(alg: unknown, signature: TpmSignature, allowSha1: boolean): void {
  const hash = typeof alg === 'number' ? COSE[alg] : undefined;
  if (hash === undefined) refuse('unsupported-algorithm', 'The statement names no algorithm that is supported.');
  if (hash !== signature.hash) refuse('wrong-scheme', 'The statement names another hash than its signature carries.');
  if (hash === ALG.SHA1 && !allowSha1) {
    refuse(
      'weak-algorithm',
      'The statement is signed with SHA-1, which no longer protects; only an explicit policy accepts it.',
    );
  }
}
