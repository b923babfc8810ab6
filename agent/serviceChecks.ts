import type { EnrollmentRecord } from '../app/records.ts';
import type { Diagnostic } from '../contract/index.ts';
import { connectTpmService, type TpmServiceClient } from '../native/service/client.ts';
import { check, checkEndorsement, checkKeys, type Outcome } from './checks.ts';

/**
 * Linux: the TPM through the system service, which then alone uses it; undefined where none runs. `enrolled` is where this account is
 * enrolled, if it is.
 */
export async function checkThroughService(
  record: EnrollmentRecord | undefined,
  connect: () => Promise<TpmServiceClient | undefined> = connectTpmService,
): Promise<Diagnostic[] | undefined> {
  const service = await connect();
  if (!service) return undefined;
  try {
    const first = await check('service', 'TPM service', () => describeHolder(service, record));
    if (first.status === 'fail') return [first];
    const tpm = await check('tpm', 'TPM', async () => {
      const { tpm: found } = await service.readEndorsement();
      return { detail: `TPM 2.0 (${found.vendor}, firmware ${found.firmwareVersion}), through the Muster service.` };
    });
    if (tpm.status === 'fail') return [first, tpm];
    return [first, tpm, await checkEndorsement(service), await checkKeys(service, record)];
  } finally {
    await service.close();
  }
}

async function describeHolder(service: TpmServiceClient, record: EnrollmentRecord | undefined): Promise<Outcome> {
  const { by, origin } = await service.enrolment();
  switch (by) {
    case 'nobody':
      return { detail: 'It runs, and no account of this machine is enrolled.' };
    case 'you':
      return { detail: `It runs, and this account holds the enrolment at ${origin}.` };
    case 'agent':
    case 'another': {
      const who = by === 'agent' ? 'The Muster agent' : 'Another account of this machine';
      return {
        status: record ? 'fail' : 'warn',
        detail: `${who} enrolled this machine at ${origin}, so this account cannot.`,
        remedy: 'Unenrol it there first; for an account that is gone: sudo muster service release',
      };
    }
    default:
      throw by satisfies never;
  }
}
