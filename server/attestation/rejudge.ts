import { type TrustStore, verifyEndorsementKey } from '../../attestation/index.ts';
import type { Context } from '../http/context.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice } from '../store/devices.ts';
import { newId } from '../store/ids.ts';
import type { TrustedRootRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { type Endorsement, factsOf } from './attestation.ts';
import { atStage } from './errorCodes.ts';

const CHUNK = 100;

export type By = { actor: Actor; requestId: string | null };
type Changed = Pick<TrustedRootRow, 'fingerprint' | 'role'>;
type Found = { id: string; endorsement: Endorsement; ek_class: string; ek_certificate: string };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/**
 * What the server does after the trust in a certificate changed: {@link beginJudging} in the transaction of the change, then
 * {@link judgeSome} until it is through (judging.ts). Where it stands is kept, so that a restart goes on with it.
 */
export async function beginJudging(trx: Trx, now: number, certificate: Changed): Promise<void> {
  await trx
    .updateTable('trusted_roots')
    // A mark of this change in front: what a judging under the former trust comes to is not taken for it.
    .set({ judge_after: `${newId(now)} ` })
    .where('fingerprint', '=', certificate.fingerprint)
    .execute();
  // An activation under way holds the old verdict; certificates of attestation keys that rest on it end, so that each is asked for again.
  await trx.deleteFrom('activations').execute();
  const resting = certificate.role === 'root' ? certificate.fingerprint : '';
  await trx
    .updateTable('ak_certificates')
    .set({ revoked_at: now })
    .where('revoked_at', 'is', null)
    .where('facts', 'like', `%"sha256":"${resting}%`)
    .execute();
}

/**
 * Judges the endorsement keys anew whose chain ended at a root, or all that have a chain where it is an intermediate (through which of them
 * a chain led is not kept): what a device counts as follows at once, and not with its next attestation. Looks at `most` devices at most, in
 * chunks, so that nobody waits long. `devices`: how many were judged.
 */
export async function judgeSome(
  context: Context,
  certificate: Changed,
  by: By,
  most: number,
): Promise<{ devices: number; done: boolean }> {
  const { db } = context.store;
  let devices = 0;
  for (let looked = 0; looked < most; looked += CHUNK) {
    const state = await db
      .selectFrom('trusted_roots')
      .select('judge_after')
      .where('fingerprint', '=', certificate.fingerprint)
      .executeTakeFirst();
    const place = state?.judge_after ?? null;
    if (place === null) return { devices, done: true };
    const [run = '', after = ''] = place.split(' ');
    const trust = await context.roots.trust();
    const rows = await db
      .selectFrom('devices')
      .innerJoin('evidence', 'evidence.id', 'devices.evidence_id')
      .select(['devices.id', 'devices.ek_class', 'devices.ek_certificate', 'evidence.bytes'])
      .where('devices.id', '>', after)
      .where('evidence.kind', '=', 'tpm')
      .orderBy('devices.id')
      .limit(CHUNK)
      .execute();
    const found = rows.flatMap(({ bytes: text, ...row }): Found[] => {
      const { endorsement } = JSON.parse(text) as { endorsement?: Endorsement | null };
      const anchor = endorsement?.anchor;
      if (!endorsement || !anchor) return [];
      return certificate.role === 'intermediate' || anchor.sha256 === certificate.fingerprint
        ? [{ ...row, endorsement }]
        : [];
    });
    devices += found.length;
    const last = rows.length < CHUNK ? undefined : rows.at(-1);
    const next = last === undefined ? null : `${run} ${last.id}`;
    await apply(context, trust, found, { fingerprint: certificate.fingerprint, place, next }, by);
  }
  return { devices, done: false };
}

type Place = { fingerprint: string; place: string; next: string | null };

/** Stores a chunk's verdicts and how far it led; where the trust changed again meanwhile, nothing. */
async function apply(context: Context, trust: TrustStore, found: readonly Found[], at: Place, by: By): Promise<void> {
  const now = context.now();
  const changes = found.flatMap((device) => {
    const { ekClass, ekCertificate } = judge(device.endorsement, trust, now);
    const same = ekClass === device.ek_class && ekCertificate === device.ek_certificate;
    return same ? [] : [{ device, change: { ek_class: ekClass, ek_certificate: ekCertificate } }];
  });
  await context.store.write(async (trx) => {
    const moved = await trx
      .updateTable('trusted_roots')
      .set({ judge_after: at.next })
      .where('fingerprint', '=', at.fingerprint)
      .where('judge_after', '=', at.place)
      .executeTakeFirst();
    if (Number(moved.numUpdatedRows) !== 1) return;
    for (const { device, change } of changes) {
      await changeDevice(trx, now, device.id, change);
      await audit(trx, now, {
        ...by,
        action: 'device.judged',
        subject: { type: 'device', id: device.id },
        before: { ekClass: device.ek_class },
        after: { ekClass: change.ek_class },
      });
    }
  });
  if (changes.length > 0) context.hub.wake();
}

function judge({ ek, ekCertificates }: Endorsement, trust: TrustStore, now: number) {
  const certificates = ekCertificates.map(bytes);
  const options = { roots: trust, intermediates: certificates, at: new Date(now), expiredLeaf: 'accept' } as const;
  return factsOf(atStage('endorsement-key', () => verifyEndorsementKey(bytes(ek), certificates, options)));
}
