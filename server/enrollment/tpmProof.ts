import { createHash, createPublicKey } from 'node:crypto';
import {
  ALG,
  AttestationError,
  bindingDigest,
  CURVE,
  DEFAULT_PCR_SELECTION,
  objectName,
  type PcrBank,
  readAttestationKey,
  verifyAkCertificate,
  verifyCertify,
  verifyEventLog,
  verifyQuote,
} from '../../attestation/index.ts';
import type { TpmProof } from '../../contract/index.ts';
import { atStage } from '../attestation/errorCodes.ts';
import { authorityFor } from '../attestation/issuers.ts';
import { refuse, ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { liveAkCertificate } from '../store/activations.ts';
import { hashOf } from '../store/ids.ts';
import type { AkCertificateRow } from '../store/schema.ts';

export type ProvenKey = {
  /** RFC 7638 thumbprint of the device key, base64url. */
  thumbprint: string;
  /** SubjectPublicKeyInfo DER, base64. */
  spki: string;
  /** TPM Name, base64. */
  name: string;
};

export type ProvenTpm = {
  akName: string;
  akCertificate: AkCertificateRow;
  deviceKey: ProvenKey;
  secureBoot: 'on' | 'off' | 'unknown';
  /** What was checked, one sentence each, kept with the evidence. */
  verdict: string[];
};

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const text = (value: Uint8Array): string => Buffer.from(value).toString('base64');

type ProofOf = {
  proof: TpmProof;
  permanentIdentifier: string;
  /** Thumbprint of the grant's key; of the device key when re-attesting. */
  boundTo: string;
};

/** What a proof says by itself: everything but the certificate of its attestation key. Pure: the same bytes give the same answer later. */
export type CheckedProof = {
  akName: string;
  akSpki: Uint8Array;
  deviceKey: ProvenKey;
  secureBoot: 'on' | 'off' | 'unknown';
  verdict: string[];
};

/** Verifies certify and quote over the binding, against the attestation key that came with them. */
export function checkProof({
  proof,
  permanentIdentifier,
  boundTo,
  origin,
}: ProofOf & { origin: string }): CheckedProof {
  const ak = atStage('attestation-key', () => readAttestationKey(bytes(proof.akPublic)));
  const deviceKeyName = atStage('certify', () => objectName(bytes(proof.deviceKey.public)));
  const binding = {
    origin,
    challenge: bytes(proof.challenge),
    grantThumbprint: boundTo,
    permanentIdentifier,
    akName: ak.name,
    deviceKeyName,
  };
  const certified = atStage('certify', () =>
    verifyCertify({
      attest: bytes(proof.certify.attest),
      signature: bytes(proof.certify.signature),
      akPublic: ak,
      subjectPublic: bytes(proof.deviceKey.public),
      extraData: bindingDigest('certify', binding),
    }),
  );
  if (certified.area.type !== 'ecc' || certified.area.curve !== CURVE.P256) {
    refuse('device-key-refused', 'A device key is an ECDSA key on P-256.');
  }
  const values = proof.quote.pcrs.map(({ index, value }) => ({ pcr: index, digest: bytes(value) }));
  const pcrs: PcrBank[] = [{ hash: ALG.SHA256, values }];
  atStage('quote', () =>
    verifyQuote({
      attest: bytes(proof.quote.attest),
      signature: bytes(proof.quote.signature),
      akPublic: ak,
      nonce: bindingDigest('quote', binding),
      selection: DEFAULT_PCR_SELECTION,
      pcrs,
    }),
  );
  const boot = readSecureBoot(proof.quote.eventLog, pcrs);
  return {
    akName: text(ak.name),
    akSpki: ak.spki,
    deviceKey: { thumbprint: thumbprintOf(certified.spki), spki: text(certified.spki), name: text(certified.name) },
    secureBoot: boot.state,
    verdict: [
      'The attestation key certified the device key over the binding of this enrolment.',
      'The quote of sha256:0-7 answers the same binding and fits the PCR values.',
      boot.reason,
    ],
  };
}

/** Verifies every proof of an enrolment or re-attestation, and that the attestation key was activated here. Stores nothing. */
export async function verifyTpmProof(context: Context, request: ProofOf): Promise<ProvenTpm> {
  const { proof, permanentIdentifier } = request;
  const now = context.now();
  // Before the costly proofs: a key that was never activated here is not worth them.
  const ak = atStage('attestation-key', () => readAttestationKey(bytes(proof.akPublic)));
  const akFacts = { akName: text(ak.name), akSpki: ak.spki, permanentIdentifier, now };
  const akCertificate = await checkAkCertificate(context, proof, akFacts);
  const { akName, deviceKey, secureBoot, verdict } = checkProof({ ...request, origin: context.origin });
  const activated =
    'The attestation key was activated with the endorsement key and holds a live certificate of this inventory.';
  return { akName, akCertificate, deviceKey, secureBoot, verdict: [activated, ...verdict] };
}

type AkFacts = { akName: string; akSpki: Uint8Array; permanentIdentifier: string; now: number };

async function checkAkCertificate(context: Context, proof: TpmProof, facts: AkFacts): Promise<AkCertificateRow> {
  const chain = proof.akChain.map(bytes);
  const leaf = chain[0] ?? refuse('ak-certificate-refused');
  const record = await liveAkCertificate(context.store.db, facts.now, {
    certificate_sha256: hashOf(leaf),
    ak_name: facts.akName,
    permanent_identifier: facts.permanentIdentifier,
  });
  if (!record) return refuse('ak-certificate-refused');
  try {
    verifyAkCertificate({
      chain,
      roots: authorityFor(context.issuers, record.ek_class).roots,
      at: new Date(facts.now),
      permanentIdentifier: facts.permanentIdentifier,
      akSpki: facts.akSpki,
    });
  } catch (cause) {
    if (cause instanceof AttestationError) throw new ServerError('ak-certificate-refused', cause.message, { cause });
    throw cause;
  }
  return record;
}

function readSecureBoot(
  eventLog: string | undefined,
  pcrs: readonly PcrBank[],
): { state: 'on' | 'off' | 'unknown'; reason: string } {
  if (eventLog === undefined) {
    return { state: 'unknown', reason: 'No event log came with the quote, so Secure Boot is not known.' };
  }
  try {
    const { secureBoot, reason } = verifyEventLog(bytes(eventLog), pcrs);
    return { state: ({ enabled: 'on', disabled: 'off', unknown: 'unknown' } as const)[secureBoot], reason };
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    // A log is the operating system's word; one that does not fit says nothing, and takes nothing from the quote.
    return { state: 'unknown', reason: `The event log was not believed: ${error.message}` };
  }
}

/** RFC 7638 thumbprint of a P-256 key. Errors: `device-key-refused` for any other key. */
export function thumbprintOf(spki: Uint8Array): string {
  const jwk = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' }).export({ format: 'jwk' });
  if (jwk.crv !== 'P-256') refuse('device-key-refused', 'A device key is an ECDSA key on P-256.');
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y });
  return createHash('sha256').update(members).digest('base64url');
}
