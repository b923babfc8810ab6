import { findEndorsement } from '../../native/tpm/endorsement.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { base64, pem, printRows } from '../print.ts';
import { needingTpmItself } from '../throughService.ts';

export const tpmEk: Handler = async (values, context) => {
  if (values.flags.has('pem') && values.flags.has('json')) throw new UsageError('Choose one of --pem and --json.');
  const search = values.flags.has('all') ? 'all' : 'present';
  const { eks, chain } = await needingTpmItself(values, () =>
    withTpm(values, (tpm) => tpm.work((scope) => findEndorsement(scope, search))),
  );
  if (values.flags.has('json')) {
    const report = {
      endorsementKeys: eks.map((ek, at) => ({
        algorithm: ek.algorithm,
        permanentIdentifier: ek.permanentIdentifier,
        preferred: at === 0,
        publicKey: base64(ek.spki),
        persistentHandle: 'persistent' in ek.origin ? `0x${ek.origin.persistent.toString(16)}` : null,
        certificate: ek.certificate ? base64(ek.certificate) : null,
        certificateMismatch: ek.certificateMismatch ?? null,
      })),
      chain: chain.map(base64),
    };
    context.out(`${JSON.stringify(report, null, 2)}\n`);
  } else if (values.flags.has('pem')) {
    for (const ek of eks) context.out(ek.certificate ? pem('CERTIFICATE', ek.certificate) : pem('PUBLIC KEY', ek.spki));
    for (const certificate of chain) context.out(pem('CERTIFICATE', certificate));
  } else {
    printRows(
      context,
      eks.map((ek) => [
        ek.algorithm,
        `${ek.permanentIdentifier}  ${ek.certificate ? 'certificate' : (ek.certificateMismatch ?? 'no certificate')}`,
      ]),
    );
  }
  return EXIT.ok;
};
