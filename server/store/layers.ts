import type { Source } from '../../contract/index.ts';
import type { DerivableValues, ExplicitValues, Layers } from '../inventory/layers.ts';
import { machineLayer } from '../inventory/layers.ts';
import type { DeviceLayerRow, DeviceRow } from './schema.ts';
import type { Db, Trx } from './store.ts';

/** Each MDM connection has a layer of its own, two of one source too. */
export type LayerName = 'explicit' | { connection: string; source: Source };

export type StoredLayers = Layers & { firstImport: boolean };

function assemble(device: Pick<DeviceRow, 'machine'>, rows: readonly DeviceLayerRow[]): StoredLayers {
  const explicit = rows.find((row) => row.layer === 'explicit');
  return {
    explicit: explicit ? (JSON.parse(explicit.fields) as ExplicitValues) : {},
    mdm: rows.flatMap(({ layer, source, fields, created_at }) =>
      source === null
        ? []
        : [{ connection: layer, source, values: JSON.parse(fields) as DerivableValues, createdAt: Number(created_at) }],
    ),
    machine: machineLayer(device.machine),
    firstImport: explicit === undefined,
  };
}

export async function loadLayers(db: Db | Trx, device: Pick<DeviceRow, 'id' | 'machine'>): Promise<StoredLayers> {
  const rows = await db.selectFrom('device_layers').selectAll().where('device_id', '=', device.id).execute();
  return assemble(device, rows);
}

/** The layers of a page of devices in one query, by device id. */
export async function loadLayersOf(
  db: Db | Trx,
  devices: readonly Pick<DeviceRow, 'id' | 'machine'>[],
): Promise<Map<string, StoredLayers>> {
  if (devices.length === 0) return new Map();
  const ids = devices.map((device) => device.id);
  const rows = await db.selectFrom('device_layers').selectAll().where('device_id', 'in', ids).execute();
  const byDevice = Map.groupBy(rows, (row) => row.device_id);
  return new Map(devices.map((device) => [device.id, assemble(device, byDevice.get(device.id) ?? [])]));
}

/** Replaces one layer as a whole and touches no other; false where it says nothing new. */
export async function saveLayer(
  trx: Trx,
  now: number,
  deviceId: string,
  of: LayerName,
  fields: ExplicitValues | DerivableValues,
): Promise<boolean> {
  const text = JSON.stringify(fields);
  const [layer, source] = of === 'explicit' ? [of, null] : [of.connection, of.source];
  const known = await trx
    .selectFrom('device_layers')
    .select('fields')
    .where('device_id', '=', deviceId)
    .where('layer', '=', layer)
    .executeTakeFirst();
  if (known?.fields === text) return false;
  await trx
    .insertInto('device_layers')
    .values({ device_id: deviceId, layer, source, fields: text, created_at: now, updated_at: now })
    .onConflict((c) => c.columns(['device_id', 'layer']).doUpdateSet({ fields: text, updated_at: now }))
    .execute();
  return true;
}

/** Removes the layer of an MDM connection. */
export async function removeLayer(trx: Trx, deviceId: string, layer: string): Promise<void> {
  await trx.deleteFrom('device_layers').where('device_id', '=', deviceId).where('layer', '=', layer).execute();
}
