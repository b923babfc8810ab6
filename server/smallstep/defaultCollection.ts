import { Email } from '../../contract/index.ts';
import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { importDevice } from '../inventory/importDevice.ts';
import { setLifecycle } from '../inventory/lifecycle.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import { loadLayersOf } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { type Call, mayDecide } from './call.ts';
import { identifierOf } from './deviceReference.ts';
import { importedDevice } from './devices.ts';
import { ownersOf } from './dto.ts';
import { type Instance, type Instances, instant, oldestPage } from './instances.ts';
import { isKept, isRecord } from './listDevices.ts';
import { refuseSmallstep } from './refusal.ts';

export const DEFAULT_SLUG = 'default';
const IDENTITY = 'smallstep:identity';

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
export const deviceInstances: Instances = {
  async page(call, _slug, first, after) {
    const query = call.context.store.db.selectFrom('devices').selectAll().where(isRecord).where(isKept);
    const { rows, next } = await oldestPage(query, first, after);
    return { instances: await instancesOf(call, rows), next };
  },

  async get(call, _slug, id) {
    const device = await findDeviceByIdentifier(call.context.store.db, identifierOf(canonicalIdentifier, id));
    if (!device || device.lifecycle === 'deleted') return refuseSmallstep(404, 'The inventory holds no such device.');
    return one(call, device);
  },

  async put(call, _slug, id, data) {
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
        mayReturn: mayDecide(call),
        ...call.by,
      }),
    );
    return one(call, importedDevice(outcome, { conflict: 409, notAllowed: 412 }));
  },

  /** Leaves a tombstone, which a later PUT by a caller that may decide takes back. */
  async remove(call, _slug, id) {
    const identifier = identifierOf(canonicalIdentifier, id);
    await call.write(async (trx) => {
      const device = await findDeviceByIdentifier(trx, identifier);
      if (device) await setLifecycle(trx, call.context.now(), device, 'deleted', { ...call.by, through: 'api' });
    });
  },
};
