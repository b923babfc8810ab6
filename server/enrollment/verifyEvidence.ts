import { z } from 'zod';
import {
  AttestationError,
  ekUri,
  objectName,
  sameBytes,
  type TrustStore,
  verifyAkCertificate,
  verifyAttestationKey,
  verifyEndorsementKey,
} from '../../attestation/index.ts';
import { type EkClass, TpmProof } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { atStage } from '../attestation/errorCodes.ts';
import type { IssuingAuthorities } from '../attestation/issuers.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import type { EvidenceRow } from '../store/schema.ts';
import { ClaimReceived, checkClaim } from './claim.ts';
import { checkProof } from './tpmProof.ts';

/** Everything that one attestation was judged by, so that it can be judged again. Bytes are base64. */
export type EvidenceBytes = {
  version: 1;
  origin: string;
  /** Thumbprint of the grant's key, of the device key when re-attesting. */
  boundTo: string;
  permanentIdentifier: string;
  /** The proof as the request brought it. */
  received: unknown;
  /** What `/attest` saw; null for a claim, and for a re-attestation that failed. */
  endorsement: EndorsementFacts | null;
  machine: unknown;
};

/** What today's rules and roots say of stored evidence, beside what was said then. */
export type Reverified = {
  outcome: 'valid' | 'failed';
  code: string | null;
  ekClass: EkClass | null;
  reasons: string[];
};

type Rules = { trust: TrustStore; issuers: IssuingAuthorities };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Judges stored evidence by today's rules and roots, at the time when it was made. Changes nothing. */
export function verifyEvidence(row: EvidenceRow, rules: Rules): Reverified {
  try {
    if (row.kind === 'apple')
      refuse('apple-attestation-refused', 'Evidence of Apple is judged when it comes: its freshness is not stored.');
    const evidence = JSON.parse(row.bytes) as EvidenceBytes;
    if (row.kind === 'claim') return verifyStoredClaim(evidence);
    return verifyStoredProof(evidence, new Date(row.created_at), rules);
  } catch (error) {
    if (error instanceof ServerError && isErrorCode(error.code)) {
      return { outcome: 'failed', code: error.code, ekClass: null, reasons: [error.message] };
    }
    if (error instanceof z.ZodError) {
      return {
        outcome: 'failed',
        code: 'attestation-malformed',
        ekClass: null,
        reasons: ['The stored proof is incomplete.'],
      };
    }
    throw error;
  }
}

function verifyStoredProof(evidence: EvidenceBytes, at: Date, { trust, issuers }: Rules): Reverified {
  const proof = TpmProof.parse(evidence.received);
  const { endorsement, permanentIdentifier, boundTo, origin } = evidence;
  if (!endorsement) return refuse('ak-certificate-refused', 'The activation was not stored with this evidence.');
  const ek = bytes(endorsement.ek);
  const certificates = endorsement.ekCertificates.map(bytes);
  const verdict = atStage('endorsement-key', () =>
    verifyEndorsementKey(ek, certificates, { roots: trust, intermediates: certificates, at, expiredLeaf: 'accept' }),
  );
  if (ekUri(ek) !== permanentIdentifier) refuse('ek-refused', 'The endorsement key is not that of the identifier.');
  const { creation } = endorsement;
  const ak = atStage('attestation-key', () =>
    verifyAttestationKey({
      public: bytes(creation.public),
      creationData: bytes(creation.data),
      attest: bytes(creation.attest),
      signature: bytes(creation.signature),
    }),
  );
  if (!sameBytes(ak.name, objectName(bytes(proof.akPublic)))) {
    refuse('ak-refused', 'The proof was made with another attestation key than the activated one.');
  }
  const checked = checkProof({ proof, origin, permanentIdentifier, boundTo });
  checkChain(proof, checked.akSpki, permanentIdentifier, at, issuers);
  return { outcome: 'valid', code: null, ekClass: verdict.class, reasons: [...verdict.reasons, ...checked.verdict] };
}

function checkChain(
  proof: TpmProof,
  akSpki: Uint8Array,
  permanentIdentifier: string,
  at: Date,
  issuers: IssuingAuthorities,
): void {
  try {
    const roots = [issuers.trusted.root, issuers.untrusted.root];
    verifyAkCertificate({ chain: proof.akChain.map(bytes), roots, at, permanentIdentifier, akSpki });
  } catch (cause) {
    if (cause instanceof AttestationError) throw new ServerError('ak-certificate-refused', cause.message, { cause });
    throw cause;
  }
}

function verifyStoredClaim(evidence: EvidenceBytes): Reverified {
  const { origin, boundTo, permanentIdentifier } = evidence;
  checkClaim(ClaimReceived.parse(evidence.received), { origin, boundTo, permanentIdentifier });
  return {
    outcome: 'valid',
    code: null,
    ekClass: null,
    reasons: ['A key claims this serial number; nothing proves it.'],
  };
}
