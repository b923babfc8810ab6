import { type TrustStore, verifyEndorsementKey } from '../../attestation/index.ts';
import type { Context } from '../http/context.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice } from '../store/devices.ts';
import type { TrustedRootRow } from '../store/schema.ts';
import { type Endorsement, factsOf } from './attestation.ts';
import { atStage } from './errorCodes.ts';

const CHUNK = 100;

type By = { actor: Actor; requestId: string };
type Changed = Pick<TrustedRootRow, 'fingerprint' | 'role'>;
type Found = { id: string; endorsement: Endorsement; ek_class: string; ek_certificate: string };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/**
 * Judges the endorsement keys anew whose chain ended at a root, or all that have a chain where it is an intermediate (through which of them a
 * chain led is not kept), after the trust in it changed: what a device counts as follows at once, and
 * not with its next attestation. Certificates of attestation keys that rest on the root end, so that each is asked for again. In
 * chunks, so that nobody waits long. Returns how many devices were judged.
 */
export async function rejudge(context: Context, certificate: Changed, by: By): Promise<number> {
  const { store } = context;
  // An activation under way holds the old verdict.
  await store.write(async (trx) => {
    await trx.deleteFrom('activations').execute();
    const resting = certificate.role === 'root' ? certificate.fingerprint : '';
    await trx
      .updateTable('ak_certificates')
      .set({ revoked_at: context.now() })
      .where('revoked_at', 'is', null)
      .where('facts', 'like', `%"sha256":"${resting}%`)
      .execute();
  });
  const trust = await context.roots.trust();
  let judged = 0;
  for (let after = ''; ; ) {
    const rows = await store.db
      .selectFrom('devices')
      .innerJoin('evidence', 'evidence.id', 'devices.evidence_id')
      .select(['devices.id', 'devices.ek_class', 'devices.ek_certificate', 'evidence.bytes'])
      .where('devices.id', '>', after)
      .where('evidence.kind', '=', 'tpm')
      .orderBy('devices.id')
      .limit(CHUNK)
      .execute();
    const last = rows.at(-1);
    if (!last) return judged;
    after = last.id;
    const found = rows.flatMap(({ bytes: text, ...row }): Found[] => {
      const { endorsement } = JSON.parse(text) as { endorsement?: Endorsement | null };
      const anchor = endorsement?.anchor;
      if (!endorsement || !anchor) return [];
      return certificate.role === 'intermediate' || anchor.sha256 === certificate.fingerprint
        ? [{ ...row, endorsement }]
        : [];
    });
    judged += found.length;
    await apply(context, trust, found, by);
  }
}

async function apply(context: Context, trust: TrustStore, found: readonly Found[], by: By): Promise<void> {
  const now = context.now();
  const changes = found.flatMap((device) => {
    const { ekClass, ekCertificate } = judge(device.endorsement, trust, now);
    const same = ekClass === device.ek_class && ekCertificate === device.ek_certificate;
    return same ? [] : [{ device, change: { ek_class: ekClass, ek_certificate: ekCertificate } }];
  });
  if (changes.length === 0) return;
  await context.store.write(async (trx) => {
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
  context.hub.wake();
}

function judge({ ek, ekCertificates }: Endorsement, trust: TrustStore, now: number) {
  const certificates = ekCertificates.map(bytes);
  const options = { roots: trust, intermediates: certificates, at: new Date(now), expiredLeaf: 'accept' } as const;
  return factsOf(atStage('endorsement-key', () => verifyEndorsementKey(bytes(ek), certificates, options)));
}
