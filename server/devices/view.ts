import type { Device, SelfDevice, TeamSettings } from '../../contract/index.ts';
import { OperatingSystem, readApprovalReason } from '../../contract/index.ts';
import { attestationState, deriveAssurance } from '../policy/assurance.ts';
import { disputes, type OpenConflict, openConflictsOf } from '../store/conflicts.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';

type Viewer = { settings: TeamSettings; demo: boolean; now: number };
type Joined = {
  owner: { email: string; displayName: string | null } | null;
  aliases: string[];
  conflict: OpenConflict | null;
};

const time = (at: number): string => new Date(at).toISOString();
const timeOrNull = (at: number | null): string | null => (at === null ? null : time(at));

/** A device as administrators see it, everything derived at `now`: nothing that follows from the facts is stored. */
export function viewOf(row: DeviceRow, joined: Joined, viewer: Viewer): Device {
  const { settings, demo, now } = viewer;
  const attestation = attestationState(row.attestation, row.attested_at, settings.attestationMaxAgeDays, now);
  const os = OperatingSystem.safeParse(row.os);
  return {
    id: row.id,
    permanentIdentifier: row.permanent_identifier,
    aliases: joined.aliases,
    name: row.name,
    serial: row.serial,
    os: os.success ? os.data : null,
    osVersion: row.os_version,
    source: row.source,
    owner: joined.owner,
    shared: row.shared === 1,
    ownership: row.ownership,
    tags: JSON.parse(row.tags) as string[],
    approval: row.approval,
    approvalReason: row.approval_reason,
    approvalReasonCode: readApprovalReason(row.approval_reason)?.code ?? null,
    decidedBy: row.decided_by,
    decidedAt: timeOrNull(row.decided_at),
    requestedBy: row.requested_by,
    attestation,
    lifecycle: row.lifecycle,
    ekClass: row.ek_class,
    ekCertificate: row.ek_certificate,
    secureBoot: row.secure_boot,
    assurance: deriveAssurance(
      {
        approval: row.approval,
        lifecycle: row.lifecycle,
        attestation,
        ekClass: row.ek_class,
        ownerBound: row.owner_id !== null,
        shared: row.shared === 1,
        claimOnly: row.protection !== null && row.attestation === 'none',
        // Only Apple attests a device that is not named by its TPM.
        apple: row.attestation !== 'none' && !row.permanent_identifier.startsWith('urn:ek:'),
        secureBoot: row.secure_boot,
      },
      { ...settings, demo },
    ),
    ceremonyCode: row.ceremony_code,
    conflictId: joined.conflict?.id ?? null,
    conflictKind: joined.conflict?.kind ?? null,
    candidateOf: row.candidate_of,
    version: row.version,
    createdAt: time(row.created_at),
    enrolledAt: timeOrNull(row.enrolled_at),
    attestedAt: timeOrNull(row.attested_at),
    lastSeenAt: timeOrNull(row.last_seen_at),
    demo,
  };
}

/** What a device may read of itself: no administrator's name, no alias, no other record. */
export function selfOf(device: Device, team: string): SelfDevice {
  const { id, permanentIdentifier, name, source, owner, approval, attestation, lifecycle } = device;
  const { approvalReason, approvalReasonCode } = device;
  const { ekClass, ekCertificate, assurance, ceremonyCode, version, enrolledAt, attestedAt, demo } = device;
  const facts = {
    id,
    permanentIdentifier,
    name,
    source,
    owner,
    approval,
    approvalReason,
    approvalReasonCode,
    attestation,
    lifecycle,
  };
  const proof = { ekClass, ekCertificate, assurance, ceremonyCode, version, enrolledAt, attestedAt, demo };
  return { ...facts, ...proof, team, conflict: device.conflictKind != null && disputes({ kind: device.conflictKind }) };
}

/** Views of many rows with three queries, whatever their number. Order is kept. */
export async function viewsOf(db: Db | Trx, rows: readonly DeviceRow[], viewer: Viewer): Promise<Device[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const ownerIds = [...new Set(rows.map((row) => row.owner_id).filter((id) => id !== null))];
  const owners =
    ownerIds.length === 0
      ? []
      : await db.selectFrom('users').select(['id', 'email', 'display_name']).where('id', 'in', ownerIds).execute();
  const ownerOf = new Map(owners.map((user) => [user.id, { email: user.email, displayName: user.display_name }]));
  const aliases = await db
    .selectFrom('identifiers')
    .select(['identifier', 'device_id'])
    .where('device_id', 'in', ids)
    .where('kind', '=', 'alias')
    .execute();
  const aliasesOf = Map.groupBy(aliases, (row) => row.device_id);
  const conflicts = await openConflictsOf(db, ids);
  return rows.map((row) =>
    viewOf(
      row,
      {
        owner: row.owner_id === null ? null : (ownerOf.get(row.owner_id) ?? null),
        aliases: (aliasesOf.get(row.id) ?? []).map((alias) => alias.identifier),
        conflict: conflicts.get(row.id) ?? null,
      },
      viewer,
    ),
  );
}
