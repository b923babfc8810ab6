import { AttestationError, type VerifiedAppleStatement, verifyAppleStatement } from '../../attestation/index.ts';
import type { AppleAttestationRequest } from '../../contract/index.ts';
import { ServerError } from '../error.ts';

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** What Apple's word is judged by beside the request itself. `roots` are Apple's own where undefined. */
export type AppleJudgement = { serial: string; at: number; roots: readonly Uint8Array[] | undefined };

/**
 * Apple's statement against the nonce or token that the request names, as the rules are now, with its certificates' dates taken at `at`
 * (epoch milliseconds). The same bytes and time give the same answer later. Error: `apple-attestation-refused`.
 */
export function judgeApple(request: AppleAttestationRequest, judgement: AppleJudgement): VerifiedAppleStatement {
  const { serial, at, roots } = judgement;
  const common = { expect: { serial }, at: new Date(at), ...(roots ? { roots } : {}) };
  try {
    return request.channel === 'mdm'
      ? verifyAppleStatement(request.certificates.map(bytes), {
          ...common,
          freshness: { mdmNonce: bytes(request.nonce) },
        })
      : verifyAppleStatement(bytes(request.statement), { ...common, freshness: { acmeToken: request.token } });
  } catch (cause) {
    if (cause instanceof AttestationError) throw new ServerError('apple-attestation-refused', cause.message, { cause });
    throw cause;
  }
}
