import { findEndorsement } from '../../native/tpm/endorsement.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { orThroughService } from '../throughService.ts';

/** `muster tpm --fingerprint`: the EK URN and nothing else. */
export const tpmFingerprint: Handler = async (values, context) => {
  if (!values.flags.has('fingerprint')) {
    throw new UsageError(
      'Say what to show: muster tpm --fingerprint, muster tpm info, muster tpm ek or muster tpm quote.',
    );
  }
  const { eks } = await orThroughService<{ eks: { permanentIdentifier: string }[] }>(
    values,
    () => withTpm(values, (tpm) => tpm.work((scope) => findEndorsement(scope, 'preferred'))),
    (service) => service.readEndorsement(),
  );
  const permanentIdentifier = eks[0]?.permanentIdentifier ?? '';
  context.out(values.flags.has('json') ? `${JSON.stringify({ permanentIdentifier })}\n` : `${permanentIdentifier}\n`);
  return EXIT.ok;
};
