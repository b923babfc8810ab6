import { createGrantKey, exportGrantKey, type GrantKey, importGrantKey } from './dpop.ts';
import type { AppError } from './errors.ts';
import type { Clock } from './ports.ts';
import type { CeremonyRecord } from './records.ts';

export type RestartPoint = 'announce' | 'activation' | 'enrollment' | 'keys';

/** Which part has to be done again after a refusal that a restart, a lost answer or a swapped TPM explains. */
export function restartPoint(error: AppError): RestartPoint | undefined {
  switch (error.code) {
    case 'ceremony-expired':
    case 'grant-expired':
    case 'grant-used':
    case 'unauthenticated':
      return 'announce';
    case 'secret-refused':
    case 'ak-certificate-refused':
      return 'activation';
    case 'challenge-refused':
      return 'enrollment';
    case 'key-of-another-tpm':
      return 'keys';
    default:
      return undefined;
  }
}

/** The saved record where it still fits this server, this hardware and the time; a fresh one otherwise. */
export async function startFrom(
  saved: CeremonyRecord | undefined,
  here: { origin: string; permanentIdentifier: string },
  clock: Clock,
): Promise<{ record: CeremonyRecord; key: GrantKey }> {
  if (saved && saved.origin === here.origin && saved.permanentIdentifier === here.permanentIdentifier) {
    const alive = saved.grant !== null && Date.parse(saved.grant.expiresAt) > clock.now().getTime();
    if (alive) return { record: saved, key: await importGrantKey(saved.grantKey) };
    const key = await createGrantKey();
    return { record: { ...saved, grantKey: await exportGrantKey(key), ceremony: null, grant: null }, key };
  }
  const key = await createGrantKey();
  const record: CeremonyRecord = {
    version: 1,
    origin: here.origin,
    permanentIdentifier: here.permanentIdentifier,
    grantKey: await exportGrantKey(key),
    ceremony: null,
    grant: null,
    attestationKey: null,
    akChain: null,
    deviceKey: null,
  };
  return { record, key };
}
