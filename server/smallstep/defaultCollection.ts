import { Email } from '../../contract/index.ts';
import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { importDevice } from '../inventory/importDevice.ts';
import { setLifecycle } from '../inventory/lifecycle.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import { loadLayersOf } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Instance } from './collections.ts';
import type { Position } from './cursor.ts';
import { identifierOf } from './deviceReference.ts';
import { importedDevice } from './devices.ts';
import { ownersOf } from './dto.ts';
import { isRecord } from './listDevices.ts';
import type { Call } from './mount.ts';
import { refuseSmallstep } from './refusal.ts';

export const DEFAULT_SLUG = 'default';
const IDENTITY = 'smallstep:identity';

/** How a collection keeps its instances. `data` is JSON text. */
export type DefaultCollection = {
  get(call: Call, slug: string, id: string): Promise<Instance>;
  put(call: Call, slug: string, id: string, data: string): Promise<Instance>;
  remove(call: Call, slug: string, id: string): Promise<void>;
};

const instant = (at: number): string => new Date(Number(at)).toISOString();

/** Devices as instances: the data as it was put, with the owner's address as it is now. */
async function instancesOf(call: Call, devices: readonly DeviceRow[]): Promise<Instance[]> {
  const { db } = call.context.store;
  const layers = await loadLayersOf(db, devices);
  const owners = await ownersOf(db, devices);
  return devices.map((device) => {
    const { [IDENTITY]: _stored, ...data } = layers.get(device.id)?.explicit.data ?? {};
    const owner = owners.get(device.owner_id ?? '');
    return {
      id: device.permanent_identifier,
      data: owner ? { ...data, [IDENTITY]: owner.email } : data,
      createdAt: instant(device.created_at),
      updatedAt: instant(device.updated_at),
    };
  });
}

const one = async (call: Call, device: DeviceRow): Promise<Instance> => {
  const [instance] = await instancesOf(call, [device]);
  return instance ?? refuseSmallstep(404, 'The inventory holds no such device.');
};

function identityOf(data: Record<string, unknown>): string | null {
  const identity = data[IDENTITY];
  if (identity === undefined || identity === null || identity === '') return null;
  const email = Email.safeParse(identity);
  return email.success
    ? email.data
    : refuseSmallstep(400, `data["${IDENTITY}"] must be the e-mail address of the owner.`);
}

/** The collection `default` is the device inventory: an instance is a device, named by its permanent identifier. */
export const defaultCollection = {
  async count(call: Call): Promise<number> {
    const row = await call.context.store.db
      .selectFrom('devices')
      .select((eb) => eb.fn.countAll().as('count'))
      .where('candidate_of', 'is', null)
      .where('lifecycle', '!=', 'deleted')
      .executeTakeFirstOrThrow();
    return Number(row.count);
  },

  async page(call: Call, _slug: string, first: number, after: Position | null) {
    let query = call.context.store.db
      .selectFrom('devices')
      .selectAll()
      .where(isRecord)
      .where('lifecycle', '!=', 'deleted')
      .orderBy('created_at')
      .orderBy('id')
      .limit(first + 1);
    if (after) {
      const at = Number(after.value);
      query = query
        .where('created_at', '>=', at)
        .where((eb) => eb.or([eb('created_at', '>', at), eb('id', '>', after.id)]));
    }
    const rows = await query.execute();
    const page = rows.slice(0, first);
    const last = page.at(-1);
    const next = rows.length > first && last ? { value: Number(last.created_at), id: last.id } : null;
    return { instances: await instancesOf(call, page), next };
  },

  async get(call: Call, _slug: string, id: string): Promise<Instance> {
    const device = await findDeviceByIdentifier(call.context.store.db, identifierOf(canonicalIdentifier, id));
    if (!device || device.lifecycle === 'deleted') return refuseSmallstep(404, 'The inventory holds no such device.');
    return one(call, device);
  },

  async put(call: Call, _slug: string, id: string, data: string): Promise<Instance> {
    const identifier = identifierOf(canonicalIdentifier, id);
    const value = JSON.parse(data) as unknown;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return refuseSmallstep(400, 'The data of a device must be a JSON object.');
    }
    const fields = value as Record<string, unknown>;
    const email = identityOf(fields);
    const settings = await call.context.settings();
    const outcome = await call.write((trx) =>
      importDevice(trx, call.context.now(), settings, {
        identifier,
        source: 'Smallstep API',
        layer: { kind: 'explicit', change: { email, data: fields } },
        ...call.by,
      }),
    );
    return one(call, importedDevice(outcome, { conflict: 409, notAllowed: 412 }));
  },

  /** Leaves a tombstone. Deleting what is not there is done already: the documents list no 404. */
  async remove(call: Call, _slug: string, id: string): Promise<void> {
    const identifier = identifierOf(canonicalIdentifier, id);
    await call.write(async (trx) => {
      const device = await findDeviceByIdentifier(trx, identifier);
      if (device) await setLifecycle(trx, call.context.now(), device, 'deleted', call.by);
    });
  },
};
