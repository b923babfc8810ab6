import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { type ImportOutcome, importDevice, onOwner } from '../inventory/importDevice.ts';
import { changeExplicit, type ExplicitChange } from '../inventory/layers.ts';
import { setLifecycle } from '../inventory/lifecycle.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { audit } from '../store/audit.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import { loadLayers, saveLayer } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';
import { DevicePatch, DeviceRequest, LifecyclePatch, parseBody } from './bodies.ts';
import { type Answer, type Call, mayDecide, type RouteTable } from './call.ts';
import { decodeCursor, listName, nextCursor } from './cursor.ts';
import { identifierOf, namedDevice } from './deviceReference.ts';
import { toSmallstepDevices } from './dto.ts';
import { listDevices } from './listDevices.ts';
import { rawQuery } from './path.ts';
import { parseDeviceQuery } from './query.ts';
import { refuseSmallstep } from './refusal.ts';

const VERSIONS = ['2025-01-01', '2026-05-01'] as const;

async function answer(call: Call, device: DeviceRow, status: 200 | 201 = 200): Promise<Answer> {
  const [body] = await toSmallstepDevices(call.context.store.db, call.context, call.version, [device]);
  return { status, body };
}

export const deviceRoutes: RouteTable = [
  {
    method: 'GET',
    url: '/devices',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => {
      const { context } = call;
      const { pagination, filters, sort } = parseDeviceQuery(rawQuery(call.url));
      const list = listName('devices', filters, sort);
      const after = pagination.after === null ? null : decodeCursor(context.cursorKey, list, pagination.after);
      const view = { settings: await context.settings(), demo: context.demo, now: context.now() };
      const page = await listDevices(context.store.db, view, filters, sort, pagination.first, after);
      return {
        body: await toSmallstepDevices(context.store.db, context, call.version, page.devices),
        headers: nextCursor(call, list, page.next),
      };
    },
  },
  {
    method: 'POST',
    url: '/devices',
    versions: VERSIONS,
    scope: 'devices:write',
    handler: async (call) => {
      const { user, permanentIdentifier, ...fields } = parseBody(DeviceRequest, call.request.body);
      const identifier = identifierOf(canonicalIdentifier, permanentIdentifier, 422);
      // 409 came with 2026-05-01; before, 422 was the only documented way to say it.
      const conflict = call.version === '2026-05-01' ? 409 : 422;
      const settings = await call.context.settings();
      const outcome = await call.write(async (trx) => {
        const known = await findDeviceByIdentifier(trx, identifier);
        if (known && known.lifecycle !== 'deleted' && !(await loadLayers(trx, known)).firstImport) {
          return refuseSmallstep(
            conflict,
            `The inventory holds this device already, as ${known.id}. Change it with PATCH.`,
          );
        }
        return importDevice(trx, call.context.now(), settings, {
          identifier,
          source: 'Smallstep API',
          layer: { kind: 'explicit', change: { ...definedOnly(fields), ...(user ? { email: user.email } : {}) } },
          mayReturn: mayDecide(call),
          ...call.by,
        });
      });
      return answer(call, importedDevice(outcome, { conflict, notAllowed: 403 }), 201);
    },
  },
  {
    method: 'GET',
    url: '/devices/*',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => answer(call, await namedDevice(call.context.store.db, call)),
  },
  {
    method: 'PATCH',
    url: '/devices/*',
    versions: VERSIONS,
    scope: 'devices:write',
    handler: async (call) => {
      if (/\/lifecycle$/.test(call.url.split('?', 1)[0] ?? '')) return patchLifecycle(call);
      const { user, shared, ...fields } = parseBody(DevicePatch, call.request.body);
      const change: ExplicitChange = { ...definedOnly(fields), ...(user ? { email: user.email } : {}) };
      // `shared` came with 2026-05-01; an older client cannot mean it.
      if (shared !== undefined && call.version === '2026-05-01') change.shared = shared;
      const device = await call.write(async (trx) => {
        const named = await namedDevice(trx, call);
        return patchDevice(trx, call, named, change);
      });
      return answer(call, device);
    },
  },
  {
    method: 'DELETE',
    url: '/devices/*',
    versions: VERSIONS,
    scope: 'devices:decide',
    handler: async (call) => {
      await call.write(async (trx) => {
        const named = await namedDevice(trx, call);
        await setLifecycle(trx, call.context.now(), named, 'deleted', { ...call.by, through: 'api' });
      });
      return { status: 204 };
    },
  },
];

async function patchDevice(trx: Trx, call: Call, device: DeviceRow, change: ExplicitChange): Promise<DeviceRow> {
  const now = call.context.now();
  const { explicit } = await loadLayers(trx, device);
  const touched = await saveLayer(trx, now, device.id, 'explicit', changeExplicit(explicit, change));
  const refreshed = await refreshDevice(trx, now, device, {
    touched,
    by: call.by.actor,
    unassign: change.email === null,
    ...(change.email ? onOwner(trx, now, await loadSettings(trx), device) : {}),
  });
  if (touched || Object.keys(refreshed.after).length > 0) {
    const { data: _before, ...before } = explicit;
    await audit(trx, now, {
      ...call.by,
      action: 'device.updated',
      subject: { type: 'device', id: device.id },
      before: { explicit: pick(before, Object.keys(change)), ...refreshed.before },
      after: { explicit: change, ...refreshed.after },
    });
  }
  return refreshed.device;
}

const pick = (from: object, keys: string[]) =>
  Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));

/** A deleted device is found here, and only here, so that a deletion can be taken back. */
async function patchLifecycle(call: Call): Promise<Answer> {
  const { principal } = call.request;
  if (principal.kind === 'token' && !principal.scopes.includes('devices:decide')) {
    return refuseSmallstep(403, 'The API token lacks the scope devices:decide.');
  }
  const { status } = parseBody(LifecyclePatch, call.request.body);
  const device = await call.write(async (trx) => {
    const named = await namedDevice(trx, call, { deleted: true });
    return setLifecycle(trx, call.context.now(), named, status, { ...call.by, through: 'api' });
  });
  return answer(call, device);
}

/** Null in a request that adds a device sets nothing. */
function definedOnly<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> | Extract<T[K], null> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** The device of an import, or the refusal that it ended in. */
export function importedDevice(
  outcome: ImportOutcome,
  statuses: { conflict: 409 | 422; notAllowed: 403 | 412 },
): DeviceRow {
  switch (outcome.kind) {
    case 'added':
    case 'merged':
      return outcome.device;
    case 'tombstone':
      return refuseSmallstep(
        statuses.conflict,
        'This device was removed from the inventory, and stays so until an administrator forgets the removal.',
      );
    case 'other-owner':
      return refuseSmallstep(
        statuses.conflict,
        'Another person enrolled this device. A conflict was opened for an administrator; nothing else was changed.',
      );
    case 'not-allowed':
      return refuseSmallstep(
        statuses.notAllowed,
        'The policy of this team does not let devices in through the API. Allow the source "Smallstep API" first.',
      );
    default:
      return outcome satisfies never;
  }
}
