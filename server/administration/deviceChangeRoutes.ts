import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Device, DeviceChange, DeviceValues, Id, LifecycleChange } from '../../contract/index.ts';
import { etagOf, versionOf } from '../devices/deviceRoutes.ts';
import { viewsOf } from '../devices/view.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, DECIDERS, OWNERS, READERS } from '../http/context.ts';
import { onOwner } from '../inventory/importDevice.ts';
import { changeExplicit, type ExplicitChange, visibleValues } from '../inventory/layers.ts';
import { forgetDevice, setLifecycle } from '../inventory/lifecycle.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { audit } from '../store/audit.ts';
import { findDevice } from '../store/devices.ts';
import { loadLayers, saveLayer } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Trx } from '../store/store.ts';

const ById = z.object({ id: Id });

/** The device at the version that was on the screen. Errors: `not-found`, `version-required`, `version-mismatch`. */
export async function shownDevice(trx: Trx, id: string, ifMatch: string | undefined): Promise<DeviceRow> {
  const version = versionOf(ifMatch);
  const device = (await findDevice(trx, id)) ?? refuse('not-found');
  return device.version === version ? device : refuse('version-mismatch');
}

/** Owner, sharing, names, lifecycle and forgetting: what an administrator changes besides the approval. */
export async function deviceChangeRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, hub, now } = context;
  const tags = ['devices'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'devices:read' } } as const;
  const write = { access: { kind: 'administrator', roles: DECIDERS, scope: 'devices:write' } } as const;
  const decide = { access: { kind: 'administrator', roles: DECIDERS, scope: 'devices:decide' } } as const;
  const own = { access: { kind: 'administrator', roles: OWNERS, scope: 'devices:decide' } } as const;
  const by = (request: FastifyRequest) => ({ actor: actorOf(request), requestId: request.id });

  const send = async (reply: FastifyReply, row: DeviceRow): Promise<Device> => {
    hub.wake();
    const [device] = await viewsOf(store.db, [row], {
      settings: await context.settings(),
      demo: context.demo,
      now: now(),
    });
    reply.header('etag', etagOf(row.version));
    return device ?? refuse('not-found');
  };

  routes.get(
    '/api/v1/devices/:id/values',
    {
      config: read,
      schema: { tags, summary: 'Every layer of its values', params: ById, response: { 200: DeviceValues } },
    },
    async (request) => {
      const device = (await findDevice(store.db, request.params.id)) ?? refuse('not-found');
      const layers = await loadLayers(store.db, device);
      const { values, from } = visibleValues(layers);
      return {
        visible: Object.fromEntries(
          Object.entries(values).map(([field, value]) => [
            field,
            { value, from: from[field as keyof typeof from] ?? 'explicit' },
          ]),
        ),
        explicit: layers.explicit,
        mdm: layers.mdm.map(({ connection, source, values: own }) => ({ connection, source, values: own })),
        machine: layers.machine,
      };
    },
  );

  routes.patch(
    '/api/v1/devices/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Change owner, sharing, names',
        params: ById,
        body: DeviceChange,
        response: { 200: Device },
      },
    },
    async (request, reply) => {
      const { name, owner, ...fields } = request.body;
      const change: ExplicitChange = Object.fromEntries(
        Object.entries({ ...fields, displayName: name, email: owner }).filter(([, value]) => value !== undefined),
      );
      const row = await store.write(async (trx) => {
        const device = await shownDevice(trx, request.params.id, request.headers['if-match']);
        if (device.lifecycle === 'deleted') refuse('device-deleted');
        const { explicit } = await loadLayers(trx, device);
        const touched = await saveLayer(trx, now(), device.id, 'explicit', changeExplicit(explicit, change));
        const refreshed = await refreshDevice(trx, now(), device, {
          touched,
          by: actorOf(request),
          unassign: owner === null,
          ...(owner ? onOwner(trx, now(), await loadSettings(trx), device) : {}),
        });
        await audit(trx, now(), {
          ...by(request),
          action: 'device.updated',
          subject: { type: 'device', id: device.id },
          before: refreshed.before,
          after: { explicit: change, ...refreshed.after },
        });
        return refreshed.device;
      });
      return send(reply, row);
    },
  );

  routes.put(
    '/api/v1/devices/:id/lifecycle',
    {
      config: decide,
      schema: {
        tags,
        summary: 'Quarantine, remove, or bring back',
        params: ById,
        body: LifecycleChange,
        response: { 200: Device },
      },
    },
    async (request, reply) => {
      const row = await store.write(async (trx) => {
        const device = await shownDevice(trx, request.params.id, request.headers['if-match']);
        return setLifecycle(trx, now(), device, request.body.lifecycle, by(request));
      });
      return send(reply, row);
    },
  );

  routes.delete(
    '/api/v1/devices/:id',
    {
      config: own,
      schema: {
        tags,
        summary: 'Forget it: its tombstone, evidence and keys go for good',
        params: ById,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await store.write(async (trx) => {
        const device = await shownDevice(trx, request.params.id, request.headers['if-match']);
        await forgetDevice(trx, now(), device, by(request));
      });
      hub.wake();
      return reply.code(204).send(null);
    },
  );
}
