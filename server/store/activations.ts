import { refuse } from '../error.ts';
import type { ActivationRow, AkCertificateRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

const ACTIVATION_MS = 5 * 60_000;
/**
 * Open activations of one endorsement key under one grant, or under none, and of one enrolled device whatever the key, since it could make
 * up keys without end: a client that tries again pushes its own oldest out.
 */
const OPEN_EACH = 5;
const IN_ALL = 20_000;

/** Keeps an open activation; bounded in age, for each key or device, and in all. Error: `rate-limited`. */
export async function storeActivation(
  trx: Trx,
  now: number,
  activation: Omit<ActivationRow, 'created_at' | 'expires_at'>,
): Promise<void> {
  await trx.deleteFrom('activations').where('expires_at', '<=', now).execute();
  const open = await trx
    .selectFrom('activations')
    .select('secret_hash')
    .$if(activation.device_id === null, (query) =>
      query.where('permanent_identifier', '=', activation.permanent_identifier),
    )
    // A stranger who knows the key must not push out what the holder of a grant began.
    .where('grant_id', 'is not distinct from', activation.grant_id)
    .where('device_id', 'is not distinct from', activation.device_id)
    .orderBy('created_at', 'desc')
    .execute();
  for (const old of open.slice(OPEN_EACH - 1)) {
    await trx.deleteFrom('activations').where('secret_hash', '=', old.secret_hash).execute();
  }
  const { count } = await trx
    .selectFrom('activations')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (Number(count) >= IN_ALL) {
    refuse('rate-limited', 'Too many attestations are open at once.', { headers: { 'retry-after': '60' } });
  }
  await trx
    .insertInto('activations')
    .values({ ...activation, created_at: now, expires_at: now + ACTIVATION_MS })
    .execute();
}

export async function openActivation(db: Db, now: number, secretHash: string): Promise<ActivationRow | undefined> {
  return db
    .selectFrom('activations')
    .selectAll()
    .where('secret_hash', '=', secretHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/** Takes an activation away: for exactly one caller, across processes. */
export async function takeActivation(trx: Trx, secretHash: string): Promise<ActivationRow | undefined> {
  return trx.deleteFrom('activations').where('secret_hash', '=', secretHash).returningAll().executeTakeFirst();
}

export async function insertAkCertificate(trx: Trx, row: Omit<AkCertificateRow, 'revoked_at'>): Promise<void> {
  await trx
    .insertInto('ak_certificates')
    .values({ ...row, revoked_at: null })
    .execute();
}

/** The record of a certificate that this server issued for this attestation key and device, while it holds. */
export async function liveAkCertificate(
  db: Db | Trx,
  now: number,
  wanted: Pick<AkCertificateRow, 'certificate_sha256' | 'ak_name' | 'permanent_identifier'>,
): Promise<AkCertificateRow | undefined> {
  return db
    .selectFrom('ak_certificates')
    .selectAll()
    .where('certificate_sha256', '=', wanted.certificate_sha256)
    .where('ak_name', '=', wanted.ak_name)
    .where('permanent_identifier', '=', wanted.permanent_identifier)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}
