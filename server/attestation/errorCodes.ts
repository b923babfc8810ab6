import { AttestationError, type AttestationErrorCode } from '../../attestation/index.ts';
import type { ErrorCode } from '../../contract/index.ts';
import { ServerError } from '../error.ts';

/** Which part of a proof was being looked at: the same fault means different things to a person in each. */
export type Stage = 'endorsement-key' | 'attestation-key' | 'certify' | 'quote' | 'claim' | 'request';

const MALFORMED: readonly AttestationErrorCode[] = [
  'truncated',
  'trailing-bytes',
  'too-large',
  'malformed',
  'cbor-malformed',
  'certificate-malformed',
  'identifier-malformed',
  'bad-argument',
  'wrong-magic',
  'wrong-type',
];

/** The one table from the library's codes to the contract's: what is not named takes the stage's own code. */
const STAGES: Record<
  Stage,
  { otherwise: ErrorCode; malformed: ErrorCode; codes: Partial<Record<AttestationErrorCode, ErrorCode>> }
> = {
  'endorsement-key': {
    otherwise: 'ek-refused',
    malformed: 'attestation-malformed',
    codes: { 'key-mismatch': 'ek-certificate-mismatch' },
  },
  'attestation-key': {
    otherwise: 'ak-refused',
    malformed: 'attestation-malformed',
    codes: { 'bad-signature': 'attestation-signature', 'bad-argument': 'ak-refused' },
  },
  certify: {
    otherwise: 'device-key-refused',
    malformed: 'attestation-malformed',
    codes: { 'wrong-extra-data': 'binding-mismatch' },
  },
  quote: {
    otherwise: 'quote-mismatch',
    malformed: 'attestation-malformed',
    codes: { 'wrong-extra-data': 'binding-mismatch', 'bad-signature': 'attestation-signature' },
  },
  claim: { otherwise: 'attestation-signature', malformed: 'attestation-malformed', codes: {} },
  request: { otherwise: 'attestation-malformed', malformed: 'attestation-malformed', codes: {} },
};

export function contractCodeOf(code: AttestationErrorCode, stage: Stage = 'request'): ErrorCode {
  const { codes, malformed, otherwise } = STAGES[stage];
  return codes[code] ?? (MALFORMED.includes(code) ? malformed : otherwise);
}

/** Runs one verification and gives its refusal the contract's code for this stage. */
export function atStage<T>(stage: Stage, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AttestationError) {
      throw new ServerError(contractCodeOf(error.code, stage), error.message, { cause: error });
    }
    throw error;
  }
}
