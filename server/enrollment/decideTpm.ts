import { approvalReason } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { approvalForOwner } from '../inventory/fourEyes.ts';
import { liveAkCertificate } from '../store/activations.ts';
import { audit } from '../store/audit.ts';
import { openConflict } from '../store/conflicts.ts';
import { changeDevice } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import type { DeviceRow, UserRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import {
  type Decided,
  deviceName,
  type Enrolment,
  evidenceOf,
  type Facts,
  machineFacts,
  type Proven,
} from './enrolment.ts';
import { approvalOf, checkDeviceLimit, insertNew } from './newRecord.ts';

type ProvenByTpm = Extract<Proven, { kind: 'tpm' }>;

/** A device whose TPM proved the identifier: a new record, the known one again, or a conflict over it. */
export async function decideTpm(
  trx: Trx,
  enrolment: Enrolment,
  proven: ProvenByTpm,
  existing: DeviceRow | undefined,
  owner: UserRow | null,
): Promise<Decided> {
  const { now, settings } = enrolment;
  const { ekClass } = proven.facts;
  if (settings.refusedClasses.includes(ekClass)) refuse(ekClass === 'software' ? 'software-tpm-refused' : 'ek-refused');
  // Verified before this transaction began; forgetting a device or a rotation may have ended it since.
  if (!(await liveAkCertificate(trx, now, proven.tpm.akCertificate))) refuse('ak-certificate-refused');
  const attested: Facts = {
    asserted: 1,
    attestation: 'valid',
    attested_at: now,
    ek_class: ekClass,
    ek_certificate: proven.facts.ekCertificate,
    ak_name: proven.tpm.akName,
    secure_boot: proven.tpm.secureBoot,
    ceremony_code: enrolment.ceremonyCode,
    ...machineFacts(enrolment.machine),
  };
  if (!existing) return { kind: 'enrolled', device: await insertNew(trx, enrolment, owner, attested) };
  if (owner !== null && existing.owner_id !== null && existing.owner_id !== owner.id && existing.shared !== 1) {
    return conflictOver(trx, enrolment, existing, owner, 'other-owner');
  }
  if (existing.ak_name !== proven.tpm.akName && (await speaksForAnotherTpm(trx, enrolment, existing))) {
    return conflictOver(trx, enrolment, existing, owner, 'other-record');
  }
  const change: Facts = {
    ...attested,
    ...(await bindOwner(trx, enrolment, existing, owner)),
    ...(await approvalOfKnown(trx, enrolment, existing, proven, owner)),
    requested_by: owner?.email ?? existing.requested_by,
  };
  return { kind: 'enrolled', device: await changeDevice(trx, now, existing.id, change) };
}

/**
 * Whether the enrolment came by an alias of another TPM than the one that names the record: an administrator joined the two, and one does
 * not speak for the other. An alias that activated with the record's own attestation key is of the same TPM.
 */
async function speaksForAnotherTpm(trx: Trx, { grant }: Enrolment, existing: DeviceRow): Promise<boolean> {
  const named = existing.permanent_identifier;
  if (named === grant.permanent_identifier || !named.startsWith('urn:ek:')) return false;
  const alias = await trx
    .selectFrom('identifiers')
    .select('evidence_id')
    .where('identifier', '=', grant.permanent_identifier)
    .executeTakeFirst();
  return !alias || alias.evidence_id === null;
}

async function bindOwner(
  trx: Trx,
  { settings }: Enrolment,
  existing: DeviceRow,
  owner: UserRow | null,
): Promise<Facts> {
  if (!binds(existing, owner)) return {};
  await checkDeviceLimit(trx, settings, owner);
  return { owner_id: owner.id };
}

/** Whether a person makes a device that nobody owned theirs. */
function binds(existing: DeviceRow, owner: UserRow | null): owner is UserRow {
  return owner !== null && existing.owner_id === null && existing.shared !== 1;
}

/**
 * New keys wait again, unless policy says otherwise. So does an approval that was given before the device had an owner: whoever signs in
 * on it first was not part of it. A record that still waits, that never was enrolled, and that no administrator decided on, may be
 * admitted now that owner and class are known. One that left and comes back waits: leaving is no way around an approval.
 */
async function approvalOfKnown(
  trx: Trx,
  enrolment: Enrolment,
  existing: DeviceRow,
  proven: ProvenByTpm,
  owner: UserRow | null,
): Promise<Facts> {
  const { settings } = enrolment;
  const reinstalled = existing.ak_name !== null && existing.ak_name !== proven.tpm.akName;
  if (existing.approval === 'approved') {
    if (reinstalled && !settings.reinstallKeepsApproval) return waitsAgain(approvalReason('new-keys'));
    if (binds(existing, owner) && !settings.sources[existing.source].bindingKeepsApproval) {
      return waitsAgain(approvalReason('bound-to-person', { owner: owner.email }));
    }
    if (binds(existing, owner)) return approvalForOwner(trx, existing, owner.email, undefined);
  }
  if (existing.approval !== 'pending' || existing.decided_by !== null || existing.enrolled_at !== null) return {};
  const before = await trx
    .selectFrom('device_keys')
    .select('thumbprint')
    .where('device_id', '=', existing.id)
    .executeTakeFirst();
  if (before) return {};
  const { ekClass } = proven.facts;
  return approvalOf(trx, enrolment, { source: existing.source, owner, ekClass, known: existing });
}

function waitsAgain(reason: string): Facts {
  return { approval: 'pending', approval_reason: reason, decided_by: null, decided_at: null };
}

/** The first binding stays. Who tries again adds an audit record, and no more evidence. */
async function conflictOver(
  trx: Trx,
  enrolment: Enrolment,
  existing: DeviceRow,
  claimant: UserRow | null,
  kind: 'other-owner' | 'other-record',
): Promise<Decided> {
  const { now, grant } = enrolment;
  const claim = { email: claimant?.email, source: grant.source, deviceName: deviceName(enrolment) };
  const { row, isNew } = await openConflict(trx, now, {
    device_id: existing.id,
    kind,
    claimant_user_id: claimant?.id ?? null,
    candidate_id: null,
    claimant: claim,
  });
  if (isNew) {
    const evidence = await insertEvidence(trx, now, evidenceOf(enrolment, existing.id));
    await trx
      .updateTable('conflicts')
      .set({ claimant: JSON.stringify({ ...claim, identifier: grant.permanent_identifier, evidence }) })
      .where('id', '=', row.id)
      .execute();
    await changeDevice(trx, now, existing.id, {});
  }
  await audit(trx, now, {
    actor: enrolment.actor,
    action: 'device.enrolled',
    subject: { type: 'device', id: existing.id },
    outcome: 'refused',
    code: 'device-conflict',
    after: { kind, claimant: claimant?.email ?? null },
    requestId: enrolment.requestId,
  });
  return { kind: 'conflict' };
}
