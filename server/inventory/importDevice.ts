import { approvalReason, type Source, shortIdentifier, type TeamSettings } from '../../contract/index.ts';
import { admit } from '../policy/admission.ts';
import { type Actor, audit } from '../store/audit.ts';
import { openConflict, openDisputeOver } from '../store/conflicts.ts';
import { changeDevice, findDeviceByIdentifier, insertDevice, revokeDeviceKeys } from '../store/devices.ts';
import { recordEvent } from '../store/events.ts';
import { loadLayers, saveLayer } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import { findUser } from '../store/users.ts';
import { changeExplicit, type DerivableValues, type ExplicitChange } from './layers.ts';
import { type Facts, type Refreshed, refreshDevice } from './refresh.ts';
import { sameSerial } from './sameSerial.ts';

export type DeviceImport = {
  /** Canonical (canonicalIdentifier). */
  identifier: string;
  source: Source;
  /** A change to the explicit layer, or the whole of one MDM connection's layer. */
  layer: { kind: 'explicit'; change: ExplicitChange } | { kind: 'mdm'; connection: string; values: DerivableValues };
  actor: Actor;
  requestId: string | null;
  /** Whether the caller may take back a removal: then what the compatible API removed comes back by it. */
  mayReturn?: boolean;
};

export type ImportOutcome =
  | { kind: 'added' | 'merged'; device: DeviceRow }
  /** The identifier was deleted, and stays so until an administrator forgets it. Nothing was changed. */
  | { kind: 'tombstone'; device: DeviceRow }
  /** Somebody else enrolled the device: a conflict was opened, and nothing else was changed. */
  | { kind: 'other-owner'; device: DeviceRow; conflictId: string }
  | { kind: 'not-allowed' };

/**
 * A device that the organization's own systems name. Merges by permanent identifier only: a deleted one stays deleted (unless this API
 * removed it itself), a refused one refused, the owner who enrolled stays the owner. A record that rests on a mere claim of the identifier is not merged with: it becomes
 * a candidate of the new one. A serial number that two records share is reported as a conflict and joins nothing.
 */
export async function importDevice(
  trx: Trx,
  now: number,
  settings: TeamSettings,
  request: DeviceImport,
): Promise<ImportOutcome> {
  const known = await findDeviceByIdentifier(trx, request.identifier);
  if (known && returns(known, settings, request)) {
    return { kind: 'added', device: await comeBack(trx, now, settings, request, known) };
  }
  if (known?.lifecycle === 'deleted') {
    await auditRefusal(trx, now, request, known.id, 'device-deleted');
    return { kind: 'tombstone', device: known };
  }
  if (known && known.asserted === 1) return merge(trx, now, settings, request, known);
  if (!settings.sources[request.source].allowed) {
    await auditRefusal(trx, now, request, null, 'source-not-allowed');
    return { kind: 'not-allowed' };
  }
  const device = await add(trx, now, request, known);
  // An administrator who refused the claim decided about the identifier: an import does not undo that.
  const decide = known?.approval === 'refused' ? stayRefused(known) : arrival(trx, now, settings, request.source);
  return { kind: 'added', device: await finish(trx, now, request, device, 'device.imported', decide, true) };
}

/** A script that removes a device and adds it again means what it says, where nobody else had a word in it. A refusal stays. */
function returns(known: DeviceRow, settings: TeamSettings, request: DeviceImport): boolean {
  return (
    request.mayReturn === true &&
    request.source === 'Smallstep API' &&
    known.lifecycle === 'deleted' &&
    known.removed_by === 'api' &&
    known.approval !== 'refused' &&
    settings.sources[request.source].allowed
  );
}

/**
 * The record as if it came for the first time: its values are the import's alone, its keys are revoked, it has to enrol again, and policy
 * decides anew. One that waited when it was removed waits on; evidence, history and open conflicts are kept.
 */
async function comeBack(
  trx: Trx,
  now: number,
  settings: TeamSettings,
  request: DeviceImport,
  known: DeviceRow,
): Promise<DeviceRow> {
  await revokeDeviceKeys(trx, now, known.id, 'unenrolled');
  await trx.deleteFrom('device_layers').where('device_id', '=', known.id).where('layer', '=', 'explicit').execute();
  const anew = known.approval === 'approved' && !(await openDisputeOver(trx, known.id));
  const device = await changeDevice(trx, now, known.id, {
    lifecycle: 'active',
    removed_by: null,
    attestation: 'none',
    attested_at: null,
    enrolled_at: null,
    ak_name: null,
    ceremony_code: null,
    ...(known.approval === 'approved'
      ? {
          approval: 'pending' as const,
          approval_reason: approvalReason('added-again'),
          decided_by: null,
          decided_at: null,
        }
      : {}),
  });
  await applyLayer(trx, now, request, device.id);
  const decide = anew ? arrival(trx, now, settings, request.source) : undefined;
  return finish(trx, now, request, device, 'device.returned', decide, true);
}

async function merge(
  trx: Trx,
  now: number,
  settings: TeamSettings,
  request: DeviceImport,
  device: DeviceRow,
): Promise<ImportOutcome> {
  const conflictId = await otherOwner(trx, now, request, device);
  if (conflictId !== null) return { kind: 'other-owner', device, conflictId };
  const layers = await loadLayers(trx, device);
  const firstWord =
    request.layer.kind === 'explicit' ? layers.firstImport : !layers.mdm.some((l) => l.source === request.source);
  const touched = await applyLayer(trx, now, request, device.id);
  const waits = device.approval === 'pending' && device.decided_at === null;
  // A nightly import must not approve a reinstalled device anew: only the first word of a source about a device counts as its arrival.
  const arrives = waits && firstWord && settings.sources[request.source].allowed;
  const decide = arrives ? arrival(trx, now, settings, request.source) : undefined;
  return { kind: 'merged', device: await finish(trx, now, request, device, 'device.updated', decide, touched) };
}

async function add(trx: Trx, now: number, request: DeviceImport, claim: DeviceRow | undefined): Promise<DeviceRow> {
  if (claim) await trx.deleteFrom('identifiers').where('device_id', '=', claim.id).execute();
  // Two records of one identifier may not stand side by side for a moment: the claim steps back before the import stands.
  if (claim) await changeDevice(trx, now, claim.id, { candidate_of: claim.id });
  const device = await insertDevice(
    trx,
    now,
    {
      permanent_identifier: request.identifier,
      asserted: 1,
      name: shortIdentifier(request.identifier),
      source: request.source,
      requested_by: request.actor.name,
      // An administrator quarantined the identifier, not only the claim of it.
      ...(claim?.lifecycle === 'quarantined' ? { lifecycle: 'quarantined' as const } : {}),
    },
    null,
  );
  if (claim) {
    await changeDevice(trx, now, claim.id, { candidate_of: device.id });
  }
  await applyLayer(trx, now, request, device.id);
  return device;
}

async function applyLayer(trx: Trx, now: number, request: DeviceImport, deviceId: string): Promise<boolean> {
  const { layer, source } = request;
  if (layer.kind === 'mdm')
    return saveLayer(trx, now, deviceId, { connection: layer.connection, source }, layer.values);
  const { explicit } = await loadLayers(trx, { id: deviceId, machine: null });
  return saveLayer(trx, now, deviceId, 'explicit', changeExplicit(explicit, layer.change));
}

type Decide = (device: DeviceRow, owner: string | null, tags: readonly string[]) => Promise<Partial<Facts>>;

/** Policy looks at a device that came in. A serial number that a refused or deleted device carries makes it wait for a person. */
function arrival(trx: Trx, now: number, settings: TeamSettings, source: Source): Decide {
  return async (device, owner, tags) => {
    const { os, ownership, ek_class: ekClass } = device;
    const admission = admit(settings, {
      source,
      email: owner,
      shared: device.shared === 1,
      os,
      ownership,
      ekClass,
      tags,
    });
    if (admission.kind !== 'approved') {
      return {
        approval_reason: admission.kind === 'pending' && admission.why === 'owner-missing' ? OWNER_MISSING : null,
      };
    }
    const shadow = (await sameSerial(trx, device)).find(
      (other) => other.approval === 'refused' || other.lifecycle === 'deleted',
    );
    if (shadow) return { approval_reason: approvalReason('serial-of-refused') };
    return { approval: 'approved', approval_reason: admission.reason, decided_by: 'policy', decided_at: now };
  };
}

const OWNER_MISSING = approvalReason('owner-missing');

/** For a device that waits only for its owner, and gets one: policy looks again. Any other wait is an administrator's to end. */
export function onOwner(trx: Trx, now: number, settings: TeamSettings, device: DeviceRow): { decide?: Decide } {
  const waitsForOwner =
    device.approval === 'pending' && device.enrolled_at === null && device.approval_reason === OWNER_MISSING;
  return waitsForOwner ? { decide: arrival(trx, now, settings, device.source) } : {};
}

const stayRefused =
  (claim: DeviceRow): Decide =>
  async () => ({
    approval: 'refused',
    approval_reason: claim.approval_reason,
    decided_by: claim.decided_by,
    decided_at: claim.decided_at,
  });

async function finish(
  trx: Trx,
  now: number,
  request: DeviceImport,
  device: DeviceRow,
  action: string,
  decide: Decide | undefined,
  touched: boolean,
): Promise<DeviceRow> {
  const refreshed: Refreshed = await refreshDevice(trx, now, device, {
    touched,
    ...(request.layer.kind === 'explicit' ? { by: request.actor } : {}),
    ...(decide ? { decide } : {}),
  });
  if (touched || Object.keys(refreshed.after).length > 0) {
    await audit(trx, now, {
      actor: request.actor,
      action,
      subject: { type: 'device', id: device.id },
      before: refreshed.before,
      after: { source: request.source, ...refreshed.after },
      requestId: request.requestId,
    });
  }
  return refreshed.device;
}

/** Opens a conflict where the import names another owner than the person who enrolled the device. */
async function otherOwner(trx: Trx, now: number, request: DeviceImport, device: DeviceRow): Promise<string | null> {
  if (request.layer.kind !== 'explicit') return null;
  const email = request.layer.change.email;
  if (email === undefined || email === null || device.enrolled_at === null || device.owner_id === null) return null;
  const owner = await findUser(trx, device.owner_id);
  if (!owner || owner.email_lower === email.toLowerCase()) return null;
  const conflict = await openConflict(trx, now, {
    device_id: device.id,
    kind: 'other-owner',
    claimant_user_id: null,
    claimant: { email, source: request.source, by: request.actor.name },
    candidate_id: null,
  });
  await recordEvent(trx, now, 'device', device.id);
  await auditRefusal(trx, now, request, device.id, 'device-conflict');
  return conflict.row.id;
}

async function auditRefusal(
  trx: Trx,
  now: number,
  request: DeviceImport,
  id: string | null,
  code: string,
): Promise<void> {
  await audit(trx, now, {
    actor: request.actor,
    action: 'device.imported',
    subject: { type: 'device', id },
    outcome: 'refused',
    code,
    after: { identifier: request.identifier, source: request.source },
    requestId: request.requestId,
  });
}
