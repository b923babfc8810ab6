import { createWriter, equalBytes } from '../../attestation/bytes.ts';
import type { PublicArea } from '../../attestation/publicArea.ts';
import { POLICY_A, POLICY_B, POLICY_C } from '../../attestation/templates.ts';
import { ALG, HANDLE, TPM_CC } from '../../attestation/tpmConstants.ts';
import { isNativeError, NativeError } from '../errors.ts';
import { guarded } from './codec.ts';
import { type FoundEk, loadEk } from './endorsement.ts';
import { loadKeys, type WrappedKey } from './keys.ts';
import { baseCode, RC } from './responseCodes.ts';
import type { Scope } from './tpm.ts';

/** Answers the attestation CA's challenge: proves that this AK and this EK are in one TPM. Blobs without size prefixes. */
export async function activate(
  scope: Scope,
  ak: WrappedKey,
  ek: FoundEk,
  credential: Uint8Array,
  secret: Uint8Array,
): Promise<Uint8Array> {
  const [akHandle] = await loadKeys(scope, [ak]);
  const ekHandle = await loadEk(scope, ek);
  const none = new Uint8Array(0);
  const { handle: session } = await scope.make({
    code: TPM_CC.START_AUTH_SESSION,
    handles: [HANDLE.NULL, HANDLE.NULL],
    // POLICY (1), no symmetric algorithm, hash = the EK's nameAlg (part 3, 11.1).
    parameters: createWriter()
      .tpm2b(crypto.getRandomValues(new Uint8Array(16)))
      .tpm2b(none)
      .u8(1)
      .u16(ALG.NULL)
      .u16(ek.area.nameAlg)
      .finish(),
    doing: 'opening a session',
  });
  await scope.run({
    code: TPM_CC.POLICY_SECRET,
    handles: [HANDLE.ENDORSEMENT, session],
    auths: ['empty-password'],
    hierarchy: HANDLE.ENDORSEMENT,
    parameters: createWriter().tpm2b(none).tpm2b(none).tpm2b(none).u32(0).finish(),
    doing: 'asking to use the endorsement key',
  });
  const policy = policyOr(ek.area);
  if (policy) {
    await scope.run({
      code: TPM_CC.POLICY_OR,
      handles: [session],
      parameters: policy,
      doing: 'asking to use the endorsement key',
    });
  }
  try {
    const { parameters } = await scope.run({
      code: TPM_CC.ACTIVATE_CREDENTIAL,
      handles: [akHandle, ekHandle],
      auths: ['empty-password', { session }],
      parameters: createWriter().tpm2b(credential).tpm2b(secret).finish(),
      duration: 'medium',
      doing: 'activating the credential',
    });
    scope.forget(session);
    return guarded('ActivateCredential', () => parameters.tpm2b());
  } catch (error) {
    if (
      isNativeError(error, 'tpm-error') &&
      error.responseCode !== undefined &&
      WRONG_CREDENTIAL.includes(baseCode(error.responseCode))
    ) {
      throw new NativeError(
        'credential-of-another-key',
        'The server made its challenge for another TPM or another attestation key.',
        {
          responseCode: error.responseCode,
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** PolicyOR's digests for an EK of the high range, whose policy is PolicyB; undefined for the low range. */
function policyOr(area: PublicArea): Uint8Array | undefined {
  const names = ['sha256', 'sha384', 'sha512'] as const;
  const hash = names.find((name) => equalBytes(area.authPolicy, POLICY_B[name]));
  return hash && createWriter().u32(2).tpm2b(POLICY_A[hash]).tpm2b(POLICY_C[hash]).finish();
}

const WRONG_CREDENTIAL: readonly number[] = [RC.INTEGRITY, RC.VALUE, RC.SIZE, RC.INSUFFICIENT, RC.ECC_POINT];
