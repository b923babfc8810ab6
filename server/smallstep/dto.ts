import { createHash } from 'node:crypto';
import type { TeamSettings } from '../../contract/index.ts';
import type { Context } from '../http/context.ts';
import { visibleValues } from '../inventory/layers.ts';
import { loadLayersOf, type StoredLayers } from '../store/layers.ts';
import type { DeviceRow, UserRow } from '../store/schema.ts';
import type { Db, Trx } from '../store/store.ts';
import { isHighAssurance } from './highAssurance.ts';
import type { ApiVersion } from './version.ts';

/** A device that was heard of this recently counts as connected: agents check in every minute. */
const CONNECTED_MS = 3 * 60_000;

export type SmallstepDevice = Record<string, unknown> & { id: string; connected: boolean; highAssurance: boolean };

type View = { settings: TeamSettings; demo: boolean; now: number; version: ApiVersion };

/** One device as the compatible API answers it; what is not known is left out, never null. */
function deviceOf(view: View, device: DeviceRow, layers: StoredLayers, owner: UserRow | undefined): SmallstepDevice {
  const { values } = visibleValues(layers);
  const { explicit } = layers;
  const time = (at: number | null) => (at === null ? undefined : new Date(Number(at)).toISOString());
  const fields = {
    id: device.id,
    permanentIdentifier: device.permanent_identifier,
    connected: device.last_seen_at !== null && view.now - device.last_seen_at < CONNECTED_MS,
    highAssurance: isHighAssurance(device, view),
    displayId: values.displayId,
    displayName: values.displayName,
    serial: values.serial,
    os: values.os,
    ownership: values.ownership === 'personal' ? 'user' : values.ownership,
    tags: explicit.tags,
    metadata: explicit.metadata,
    user: owner
      ? { email: owner.email, ...(owner.display_name ? { displayName: owner.display_name } : {}) }
      : undefined,
    approvedAt: device.approval === 'approved' ? time(device.decided_at ?? device.created_at) : undefined,
    enrolledAt: time(device.enrolled_at),
    lastSeen: time(device.last_seen_at),
    hostID: hostId(device.id),
    lifecycleStatus: device.lifecycle,
    ...(view.version === '2026-05-01' ? { shared: device.shared === 1 } : {}),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as SmallstepDevice;
}

/** Present directly after POST, before any agent ran, as at Smallstep: a UUIDv8 that follows from the device's id. */
function hostId(id: string): string {
  const hex = createHash('sha256').update(`muster-host:${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export async function toSmallstepDevices(
  db: Db | Trx,
  context: Context,
  version: ApiVersion,
  devices: readonly DeviceRow[],
): Promise<SmallstepDevice[]> {
  const view = { settings: await context.settings(), demo: context.demo, now: context.now(), version };
  const layers = await loadLayersOf(db, devices);
  const owners = await ownersOf(db, devices);
  return devices.map((device) => {
    const own = layers.get(device.id);
    return deviceOf(
      view,
      device,
      own ?? { explicit: {}, mdm: [], machine: {}, firstImport: true },
      owners.get(device.owner_id ?? ''),
    );
  });
}

export async function ownersOf(db: Db | Trx, devices: readonly DeviceRow[]): Promise<Map<string, UserRow>> {
  const ids = [...new Set(devices.flatMap((device) => (device.owner_id === null ? [] : [device.owner_id])))];
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('users').selectAll().where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}
