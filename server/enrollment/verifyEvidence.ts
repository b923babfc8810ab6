import { z } from 'zod';
import {
  AttestationError,
  objectName,
  sameBytes,
  type TrustStore,
  verifyAkCertificate,
  verifyAttestationKey,
  verifyEndorsementKey,
} from '../../attestation/index.ts';
import { AppleAttestationRequest, type EkClass, TpmProof } from '../../contract/index.ts';
import type { Endorsement, EndorsementFacts } from '../attestation/attestation.ts';
import { atStage } from '../attestation/errorCodes.ts';
import type { IssuingAuthorities } from '../attestation/issuers.ts';
import { isErrorCode, refuse, ServerError } from '../error.ts';
import { normalizeSerial } from '../inventory/serials.ts';
import type { EvidenceRow } from '../store/schema.ts';
import { judgeApple } from './appleStatement.ts';
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

/** What an alias was judged by: the certificate in `chain` is this server's own word that it activated with the attestation key. */
export type AliasBytes = {
  version: 1;
  /** The alias. */
  permanentIdentifier: string;
  akName: string;
  chain: string[];
  endorsement: Endorsement;
};

/** Apple's statement, and all that it was judged by. */
export type AppleBytes = {
  version: 2;
  /** As it was submitted: with the MDM's nonce or the ACME token that its freshness was compared with. */
  request: AppleAttestationRequest;
  /** Canonical. */
  serial: string;
  /** Epoch milliseconds: the instant that the dates of the certificates were compared with. */
  judgedAt: number;
  path: string[];
};

export type Rules = { trust: TrustStore; issuers: IssuingAuthorities; appleRoots: readonly Uint8Array[] | undefined };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Judges stored evidence by today's rules and roots, at the time when it was made. Changes nothing. */
export function verifyEvidence(row: EvidenceRow, rules: Rules): Reverified {
  try {
    if (row.kind === 'apple') return verifyStoredApple(row, rules);
    if (row.purpose === 'alias') return verifyStoredAlias(JSON.parse(row.bytes) as AliasBytes, row, rules);
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
  const verdict = judgeEndorsement(endorsement, permanentIdentifier, at, trust);
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
  checkChain({ chain: proof.akChain, akSpki: checked.akSpki, permanentIdentifier, at }, issuers);
  return { outcome: 'valid', code: null, ekClass: verdict.class, reasons: [...verdict.reasons, ...checked.verdict] };
}

function judgeEndorsement(
  endorsement: Pick<Endorsement, 'ek' | 'ekCertificates'>,
  urn: string,
  at: Date,
  trust: TrustStore,
) {
  const ek = bytes(endorsement.ek);
  const certificates = endorsement.ekCertificates.map(bytes);
  const verdict = atStage('endorsement-key', () =>
    verifyEndorsementKey(ek, certificates, { roots: trust, intermediates: certificates, at, expiredLeaf: 'accept' }),
  );
  if (verdict.urn !== urn) refuse('ek-refused', 'The endorsement key is not that of the identifier.');
  return verdict;
}

/** Activation leaves nothing that could be checked by others: what stands for it is the certificate that this server made of it. */
function verifyStoredAlias(evidence: AliasBytes, row: EvidenceRow, { trust, issuers }: Rules): Reverified {
  const { permanentIdentifier, endorsement, chain } = evidence;
  const at = new Date(row.created_at);
  const verdict = judgeEndorsement(endorsement, permanentIdentifier, at, trust);
  checkChain({ chain, permanentIdentifier, at }, issuers);
  return {
    outcome: 'valid',
    code: null,
    ekClass: verdict.class,
    reasons: [...verdict.reasons, 'This inventory certified that it activated with the attestation key of the device.'],
  };
}

/** Today's rules and roots, at the instant that the statement was judged, against the nonce or token that Apple was asked with. */
function verifyStoredApple(row: EvidenceRow, { appleRoots }: Rules): Reverified {
  // The first kind kept the request alone, and was judged when it was stored.
  const stored = JSON.parse(row.bytes) as AppleBytes | { version: 1; request: unknown };
  const request = AppleAttestationRequest.parse(stored.request);
  const serial = stored.version === 2 ? stored.serial : (normalizeSerial(request.serial) ?? request.serial);
  const at = stored.version === 2 ? stored.judgedAt : row.created_at;
  const statement = judgeApple(request, { serial, at, roots: appleRoots });
  return {
    outcome: 'valid',
    code: null,
    ekClass: 'hardware',
    reasons: [
      `Apple attested the serial number ${serial}, freshly for this inventory.`,
      `Its leaf is one of ${statement.path.length} certificates up to Apple's root.`,
    ],
  };
}

type Chain = { chain: readonly string[]; akSpki?: Uint8Array; permanentIdentifier: string; at: Date };

/** The attestation key's SubjectPublicKeyInfo DER, as this server's own authority certified it. */
function checkChain({ chain, akSpki, permanentIdentifier, at }: Chain, issuers: IssuingAuthorities): void {
  try {
    const roots = [issuers.trusted.root, issuers.untrusted.root];
    const named = akSpki ? { akSpki } : {};
    verifyAkCertificate({ chain: chain.map(bytes), roots, at, permanentIdentifier, ...named });
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
