import type { MachineReport, Source, TeamSettings } from '../../contract/index.ts';
import type { EndorsementFacts } from '../attestation/attestation.ts';
import { refuse } from '../error.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { admit } from '../policy/admission.ts';
import { liveAkCertificate } from '../store/activations.ts';
import type { Actor } from '../store/audit.ts';
import { audit } from '../store/audit.ts';
import { openConflict } from '../store/conflicts.ts';
import { changeDevice, findDeviceByIdentifier, insertDevice } from '../store/devices.ts';
import { insertEvidence } from '../store/evidence.ts';
import type { DeviceRow, GrantRow, UserRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import type { ProvenKey, ProvenTpm } from './tpmProof.ts';
import type { EvidenceBytes } from './verifyEvidence.ts';

/** What an enrolment proved, ready to be decided upon and stored. */
export type Proven =
  | { kind: 'tpm'; tpm: ProvenTpm; facts: EndorsementFacts }
  | { kind: 'claim'; key: ProvenKey; protection: string };

export type Enrolment = {
  now: number;
  grant: GrantRow;
  ceremonyCode: string | null;
  machine: MachineReport;
  proven: Proven;
  /** The request's proofs as received (JSON), kept as evidence. */
  received: unknown;
  settings: TeamSettings;
  /** The server's origin, which the proofs are bound to. */
  origin: string;
  actor: Actor;
  requestId: string;
};

/** A conflict is committed, and then answered as a refusal: so it is a result here, not an error. */
export type Decided = { kind: 'enrolled'; device: DeviceRow } | { kind: 'conflict' };

type Facts = Partial<Omit<DeviceRow, 'id' | 'version' | 'updated_at'>>;

/** Decides everything anew inside the storing transaction: refusals, lifecycle, owner, conflicts, approval. Errors leave nothing behind. */
export async function decideEnrolment(trx: Trx, enrolment: Enrolment): Promise<Decided> {
  const { now, grant, proven } = enrolment;
  if (!enrolment.settings.sources[grant.source].allowed) refuse('source-not-allowed');
  const owner = grant.user_id === null ? null : ((await findUser(trx, grant.user_id)) ?? refuse('sign-in-failed'));
  if (owner !== null && owner.active !== 1) refuse('sign-in-failed', 'This account is no longer active.');
  const key = proven.kind === 'tpm' ? proven.tpm.deviceKey : proven.key;
  const known = await trx
    .selectFrom('device_keys')
    .selectAll()
    .where('thumbprint', '=', key.thumbprint)
    .executeTakeFirst();
  const existing = await findDeviceByIdentifier(trx, grant.permanent_identifier);
  if (existing) checkTombstone(existing);
  const decided =
    proven.kind === 'tpm'
      ? await decideTpm(trx, enrolment, proven, existing, owner)
      : await decideClaim(trx, enrolment, proven, existing, owner, known?.device_id);
  if (decided.kind === 'conflict') return decided;
  const { device } = decided;
  if (known && (known.device_id !== device.id || known.revoked_at !== null)) {
    refuse('device-key-refused', 'This device key belongs to another enrolment.');
  }
  const evidenceId = await insertEvidence(trx, now, evidenceOf(enrolment, device.id));
  await revokeOtherKeys(trx, now, device.id, key.thumbprint);
  await trx
    .insertInto('device_keys')
    .values({
      thumbprint: key.thumbprint,
      device_id: device.id,
      spki: key.spki,
      key_name: key.name || null,
      ak_name: proven.kind === 'tpm' ? proven.tpm.akName : null,
      grant_thumbprint: grant.key_thumbprint,
      created_at: now,
      revoked_at: null,
      revoked_reason: null,
    })
    .onConflict((c) =>
      c.column('thumbprint').doUpdateSet((eb) => ({
        grant_thumbprint: grant.key_thumbprint,
        ak_name: eb.ref('excluded.ak_name'),
      })),
    )
    .execute();
  const enrolled = await changeDevice(trx, now, device.id, {
    evidence_id: evidenceId,
    enrolled_at: now,
    last_seen_at: now,
  });
  // What the machine says of itself is the lowest layer: names and serials that others set stay visible.
  const { device: stored } = await refreshDevice(trx, now, enrolled);
  await audit(trx, now, {
    actor: enrolment.actor,
    action: 'device.enrolled',
    subject: { type: 'device', id: device.id },
    after: { permanentIdentifier: device.permanent_identifier, approval: stored.approval, evidence: evidenceId },
    requestId: enrolment.requestId,
  });
  return { kind: 'enrolled', device: stored };
}

/** Errors: `device-deleted`, `device-refused`, `device-quarantined`. */
export function checkTombstone(device: DeviceRow): void {
  if (device.lifecycle === 'deleted') refuse('device-deleted');
  if (device.approval === 'refused') refuse('device-refused', device.approval_reason ?? undefined);
  if (device.lifecycle === 'quarantined') refuse('device-quarantined');
}

async function decideTpm(
  trx: Trx,
  enrolment: Enrolment,
  proven: Extract<Proven, { kind: 'tpm' }>,
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
  if (!existing) {
    const device = await insertNew(trx, enrolment, owner, attested);
    return { kind: 'enrolled', device };
  }
  if (owner !== null && existing.owner_id !== null && existing.owner_id !== owner.id && existing.shared !== 1) {
    return conflictOver(trx, enrolment, existing, owner, 'other-owner');
  }
  // The alias is a TPM that an administrator joined with the one that names the record: it does not speak for that one.
  const named = existing.permanent_identifier;
  const otherTpm = named !== enrolment.grant.permanent_identifier && named.startsWith('urn:ek:');
  if (otherTpm && existing.ak_name !== proven.tpm.akName) {
    return conflictOver(trx, enrolment, existing, owner, 'other-record');
  }
  const binding = owner !== null && existing.owner_id === null && existing.shared !== 1 ? { owner_id: owner.id } : {};
  if (owner !== null && 'owner_id' in binding) await checkDeviceLimit(trx, settings, owner);
  const reinstalled = existing.ak_name !== null && existing.ak_name !== proven.tpm.akName;
  const waitsAgain = reinstalled && existing.approval === 'approved' && !settings.reinstallKeepsApproval;
  const approval: Facts = waitsAgain
    ? { approval: 'pending', approval_reason: 'It enrolled again with new keys.', decided_by: null, decided_at: null }
    : await approvalOfKnown(trx, existing, enrolment, proven.facts, owner);
  const change: Facts = {
    ...attested,
    ...binding,
    ...approval,
    requested_by: owner?.email ?? existing.requested_by,
  };
  return { kind: 'enrolled', device: await changeDevice(trx, now, existing.id, change) };
}

/**
 * A record that still waits, that never was enrolled, and that no administrator decided on, may be admitted now that owner and class are
 * known. One that left and comes back waits: leaving is no way around an approval.
 */
async function approvalOfKnown(
  trx: Trx,
  existing: DeviceRow,
  enrolment: Enrolment,
  facts: EndorsementFacts,
  owner: UserRow | null,
): Promise<Facts> {
  if (existing.approval !== 'pending' || existing.decided_by !== null || existing.enrolled_at !== null) return {};
  const before = await trx
    .selectFrom('device_keys')
    .select('thumbprint')
    .where('device_id', '=', existing.id)
    .executeTakeFirst();
  if (before) return {};
  return approvalOf(enrolment, existing.source, owner, facts.ekClass, existing);
}

function approvalOf(
  enrolment: Enrolment,
  source: Source,
  owner: UserRow | null,
  ekClass: EndorsementFacts['ekClass'],
  device?: Pick<DeviceRow, 'shared' | 'ownership'>,
): Facts {
  const admission = admit(enrolment.settings, {
    source,
    email: owner?.email ?? null,
    shared: device?.shared === 1,
    os: enrolment.machine.os,
    ownership: device?.ownership ?? null,
    ekClass,
    tags: [],
  });
  switch (admission.kind) {
    case 'not-allowed':
      return refuse('source-not-allowed');
    case 'pending':
      return { approval: 'pending' };
    case 'approved':
      return {
        approval: 'approved',
        approval_reason: admission.reason,
        decided_by: 'policy',
        decided_at: enrolment.now,
      };
    default:
      return admission satisfies never;
  }
}

async function insertNew(trx: Trx, enrolment: Enrolment, owner: UserRow | null, facts: Facts): Promise<DeviceRow> {
  const { now, grant, settings } = enrolment;
  if (owner) await checkDeviceLimit(trx, settings, owner);
  const approval = approvalOf(enrolment, grant.source, owner, facts.ek_class ?? 'absent');
  return insertDevice(
    trx,
    now,
    {
      permanent_identifier: grant.permanent_identifier,
      name: deviceName(enrolment),
      source: grant.source,
      owner_id: owner?.id ?? null,
      requested_by: owner?.email ?? enrolment.actor.name,
      ...facts,
      ...approval,
    },
    owner?.email ?? null,
  );
}

async function checkDeviceLimit(trx: Trx, settings: TeamSettings, owner: UserRow): Promise<void> {
  if (settings.deviceLimit === null) return;
  const { count } = await trx
    .selectFrom('devices')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', owner.id)
    .where('lifecycle', '!=', 'deleted')
    .executeTakeFirstOrThrow();
  if (Number(count) >= settings.deviceLimit) refuse('device-limit');
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

/** A claim never touches a record that it did not make itself: it opens a candidate beside it. */
async function decideClaim(
  trx: Trx,
  enrolment: Enrolment,
  proven: Extract<Proven, { kind: 'claim' }>,
  existing: DeviceRow | undefined,
  owner: UserRow | null,
  keyOwnerId: string | undefined,
): Promise<Decided> {
  const { now, grant } = enrolment;
  const facts: Facts = {
    protection: proven.protection,
    ceremony_code: enrolment.ceremonyCode,
    ...machineFacts(enrolment.machine),
  };
  const own = await ownClaim(trx, keyOwnerId, grant.permanent_identifier, owner);
  if (own) {
    checkTombstone(own);
    return { kind: 'enrolled', device: await changeDevice(trx, now, own.id, facts) };
  }
  if (!existing) return { kind: 'enrolled', device: await insertNew(trx, enrolment, owner, facts) };
  if (owner) await checkDeviceLimit(trx, enrolment.settings, owner);
  if (!enrolment.settings.sources[grant.source].allowed) refuse('source-not-allowed');
  const device = await insertDevice(
    trx,
    now,
    {
      permanent_identifier: grant.permanent_identifier,
      candidate_of: existing.id,
      name: deviceName(enrolment),
      source: grant.source,
      owner_id: owner?.id ?? null,
      requested_by: owner?.email ?? enrolment.actor.name,
      approval_reason:
        'Another record holds this serial number; an administrator must say whether this is the same device.',
      ...facts,
    },
    owner?.email ?? null,
  );
  await changeDevice(trx, now, existing.id, {});
  return { kind: 'enrolled', device };
}

/** The record or candidate that this very key and person made before. */
async function ownClaim(
  trx: Trx,
  id: string | undefined,
  identifier: string,
  owner: UserRow | null,
): Promise<DeviceRow | undefined> {
  if (id === undefined) return undefined;
  return trx
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', id)
    .where('permanent_identifier', '=', identifier)
    .where('owner_id', 'is not distinct from', owner?.id ?? null)
    .executeTakeFirst();
}

async function revokeOtherKeys(trx: Trx, now: number, deviceId: string, thumbprint: string): Promise<void> {
  await trx
    .updateTable('device_keys')
    .set({ revoked_at: now, revoked_reason: 'replaced' })
    .where('device_id', '=', deviceId)
    .where('thumbprint', '!=', thumbprint)
    .where('revoked_at', 'is', null)
    .execute();
}

function deviceName(enrolment: Enrolment): string {
  return enrolment.machine.hostName.trim() || 'Unnamed device';
}

function machineFacts(machine: MachineReport): Facts {
  return { os_version: machine.osVersion, machine: JSON.stringify(machine) };
}

function evidenceOf(enrolment: Enrolment, deviceId: string) {
  const { proven, grant, received, machine, origin } = enrolment;
  const verdict =
    proven.kind === 'tpm'
      ? {
          ekClass: proven.facts.ekClass,
          reasons: [...proven.facts.reasons, ...proven.tpm.verdict],
          secureBoot: proven.tpm.secureBoot,
        }
      : { reasons: ['A key claims this serial number; nothing proves it.'], protection: proven.protection };
  return {
    device_id: deviceId,
    kind: proven.kind,
    purpose: 'enrol',
    outcome: 'valid',
    bytes: JSON.stringify({
      version: 1,
      origin,
      boundTo: grant.key_thumbprint,
      permanentIdentifier: grant.permanent_identifier,
      received,
      endorsement: proven.kind === 'tpm' ? proven.facts : null,
      machine,
    } satisfies EvidenceBytes),
    verdict: JSON.stringify(verdict),
  } as const;
}
