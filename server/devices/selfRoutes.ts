import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  approvalReason,
  CheckInRequest,
  CheckInResponse,
  type MachineReport,
  ReattestationRequest,
  SelfDevice,
} from '../../contract/index.ts';
import { reattest } from '../enrollment/reattest.ts';
import { refuse } from '../error.ts';
import { openEventStream } from '../events/sse.ts';
import { type App, actorOf, type Context, type Principal } from '../http/context.ts';
import { refreshDevice } from '../inventory/refresh.ts';
import { attestationState } from '../policy/assurance.ts';
import { audit } from '../store/audit.ts';
import { changeDevice, findDevice, revokeDeviceKeys, touchDevice } from '../store/devices.ts';
import { lastEvent } from '../store/events.ts';
import type { DeviceRow } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { countApprovers } from './approvers.ts';
import { selfView } from './self.ts';

/** A device asks at least this often, so that a lost stream costs minutes at most. */
const CHECK_IN_SECONDS = 900;
const STREAMS_PER_DEVICE = 3;

function deviceOf(principal: Principal): DeviceRow {
  return principal.kind === 'device' ? principal.device : refuse('unauthenticated');
}

async function isLive(db: Db, thumbprint: string): Promise<boolean> {
  const key = await db
    .selectFrom('device_keys')
    .select('thumbprint')
    .where('thumbprint', '=', thumbprint)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return key !== undefined;
}

/** A serial number that was once told stays: a device that tells another one each time would open conflicts with whom it likes. */
function withKnownSerial(report: MachineReport, stored: string | null): MachineReport {
  const known = stored === null ? undefined : (JSON.parse(stored) as MachineReport).serial;
  return known && 'value' in known ? { ...report, serial: known } : report;
}

/** What a device does for itself, each request signed with its own key: a pending device reads only itself. */
export async function selfRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, hub, now } = context;
  const config = { access: { kind: 'device' } } as const;
  const tags = ['self'];
  const streams = new Map<string, number>();
  const approvers = countApprovers(context);
  const view = async (row: DeviceRow): Promise<SelfDevice> => {
    const seen = await selfView(context, row);
    return seen.approval === 'pending' ? { ...seen, approvers: await approvers() } : seen;
  };

  routes.get(
    '/api/v1/self',
    { config, schema: { tags, summary: 'The device itself', response: { 200: SelfDevice } } },
    async (request) => view(deviceOf(request.principal)),
  );

  routes.get(
    '/api/v1/self/events',
    { config, schema: { tags, summary: 'Its state as server-sent events' } },
    async (request, reply) => {
      if (request.principal.kind !== 'device') return refuse('unauthenticated');
      const { device } = request.principal;
      const keyThumbprint = request.principal.key.thumbprint;
      const count = streams.get(device.id) ?? 0;
      if (count >= STREAMS_PER_DEVICE)
        refuse('rate-limited', 'This device holds enough event streams open.', { headers: { 'retry-after': '30' } });
      const stream = openEventStream(request, reply);
      streams.set(device.id, count + 1);
      // `data` is the state as it is when it is sent, one after another: so whatever Last-Event-ID names, one event brings the reader up
      // to date, and none brings it back.
      let tail: Promise<void> = Promise.resolve();
      const tell = (seq: number, type: 'device' | 'deleted'): void => {
        tail = tail
          .then(async () => {
            const row = await findDevice(store.db, device.id);
            const gone = !row || row.enrolled_at === null || type === 'deleted';
            // A stream outlives the check at its start: it ends with the key that opened it.
            if (!gone && !(await isLive(store.db, keyThumbprint))) {
              stream.close();
              return;
            }
            const seen = row ? await view(row) : { ...(await view(device)), lifecycle: 'deleted' as const };
            stream.send(gone ? 'deleted' : 'device', { type: gone ? 'deleted' : 'device', device: seen }, seq);
            if (gone) stream.close();
          })
          .catch((error: unknown) => {
            request.log.error({ err: error }, 'event stream failed');
            stream.close();
          });
      };
      const unsubscribe = hub.subscribeTo(device.id, (event) => tell(event.seq, event.type));
      lastEvent(store.db).then(
        (seq) => tell(seq, 'device'),
        () => stream.close(),
      );
      const closing = context.onClose(() => stream.close());
      stream.onClose(() => {
        unsubscribe();
        closing();
        const left = (streams.get(device.id) ?? 1) - 1;
        if (left > 0) streams.set(device.id, left);
        else streams.delete(device.id);
      });
    },
  );

  routes.post(
    '/api/v1/self/check-in',
    {
      config,
      schema: {
        tags,
        summary: 'Say that it is alive, and how it is called now',
        body: CheckInRequest,
        response: { 200: CheckInResponse },
      },
    },
    async (request) => {
      const device = deviceOf(request.principal);
      const report = request.body.machine;
      const row = await store.write(async (trx) => {
        await touchDevice(trx, now(), device.id);
        const current = (await findDevice(trx, device.id)) ?? refuse('device-deleted');
        if (!report || current.approval === 'refused' || current.lifecycle !== 'active') return current;
        const machine = JSON.stringify(withKnownSerial(report, current.machine));
        if (machine === current.machine) return current;
        const changed = await changeDevice(trx, now(), device.id, { machine, os_version: report.osVersion });
        return (await refreshDevice(trx, now(), changed)).device;
      });
      context.hub.wake();
      const { attestationMaxAgeDays } = await context.settings();
      const soon = attestationState(row.attestation, row.attested_at, attestationMaxAgeDays * 0.8, now());
      return {
        device: await view(row),
        reattest: row.attestation !== 'none' && soon !== 'valid',
        nextCheckInSeconds: CHECK_IN_SECONDS,
      };
    },
  );

  routes.post(
    '/api/v1/self/attestations',
    {
      bodyLimit: 1024 * 1024,
      config,
      schema: { tags, summary: 'Attest again', body: ReattestationRequest, response: { 200: SelfDevice } },
    },
    async (request) => {
      if (request.principal.kind !== 'device') return refuse('unauthenticated');
      const { device, key } = request.principal;
      const row = await reattest(context, device, key, request.body.proof, {
        actor: actorOf(request),
        requestId: request.id,
      });
      return view(row);
    },
  );

  routes.delete(
    '/api/v1/self',
    { config, schema: { tags, summary: 'Un-enrol', response: { 204: z.null() } } },
    async (request, reply) => {
      const device = deviceOf(request.principal);
      await store.write(async (trx) => {
        await revokeDeviceKeys(trx, now(), device.id, 'unenrolled');
        // The record stays: a refusal, a quarantine or a conflict is not escaped by leaving, and coming back needs an approval.
        const approval =
          device.approval === 'approved'
            ? {
                approval: 'pending' as const,
                approval_reason: approvalReason('un-enrolled'),
                decided_by: null,
                decided_at: null,
              }
            : {};
        await changeDevice(trx, now(), device.id, {
          attestation: 'none',
          attested_at: null,
          enrolled_at: null,
          ak_name: null,
          ceremony_code: null,
          ...approval,
        });
        await audit(trx, now(), {
          actor: actorOf(request),
          action: 'device.unenrolled',
          subject: { type: 'device', id: device.id },
          requestId: request.id,
        });
      });
      context.hub.wake();
      return reply.code(204).send(null);
    },
  );
}
