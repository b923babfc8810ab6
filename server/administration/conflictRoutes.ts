import type { FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  approvalReason,
  CandidatePage,
  CandidateResolution,
  Conflict,
  ConflictPage,
  ConflictQuery,
  Device,
  Id,
  PageQuery,
  ResolutionRequest,
  shownVersion,
} from '../../contract/index.ts';
import { checkShown, etagOf } from '../devices/deviceRoutes.ts';
import { viewsOf } from '../devices/view.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, DECIDERS, READERS } from '../http/context.ts';
import { audit } from '../store/audit.ts';
import { changeDevice, findDevice } from '../store/devices.ts';
import type { ConflictRow } from '../store/schema.ts';
import { joinRecords } from './joinRecords.ts';
import { listPage, time, timeOrNull } from './pages.ts';
import { resolutionsOf, resolveConflict } from './resolve.ts';

const ById = z.object({ id: Id });

/** Claims that meet: conflicts over a record, and candidates beside one. An administrator decides on what was on the screen. */
export async function conflictRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, hub, now } = context;
  const tags = ['conflicts'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'devices:read' } } as const;
  const decide = { access: { kind: 'administrator', roles: DECIDERS, scope: 'devices:decide' } } as const;
  const by = (request: FastifyRequest) => ({ actor: actorOf(request), requestId: request.id });

  const devicesOf = async (ids: readonly (string | null)[]): Promise<Map<string, Device>> => {
    const wanted = [...new Set(ids.filter((id) => id !== null))];
    if (wanted.length === 0) return new Map();
    const rows = await store.db.selectFrom('devices').selectAll().where('id', 'in', wanted).execute();
    const views = await viewsOf(store.db, rows, { settings: await context.settings(), demo: context.demo, now: now() });
    return new Map(views.map((view) => [view.id, view]));
  };
  const conflictsOf = async (rows: readonly ConflictRow[]): Promise<Conflict[]> => {
    const devices = await devicesOf(rows.flatMap((row) => [row.device_id, row.candidate_id]));
    return rows.flatMap((row) => {
      const device = devices.get(row.device_id);
      if (!device) return [];
      return [
        {
          id: row.id,
          kind: row.kind,
          state: row.state,
          claimant: textFields(row.claimant),
          device,
          candidate: row.candidate_id === null ? null : (devices.get(row.candidate_id) ?? null),
          resolutions: resolutionsOf(row),
          resolution: row.resolution,
          resolvedBy: row.resolved_by,
          resolvedAt: timeOrNull(row.resolved_at),
          createdAt: time(row.created_at),
        },
      ];
    });
  };
  const findConflict = (id: string) =>
    store.db.selectFrom('conflicts').selectAll().where('id', '=', id).executeTakeFirst();
  const oneConflict = async (id: string): Promise<Conflict> => {
    const row = (await findConflict(id)) ?? refuse('not-found');
    const [conflict] = await conflictsOf([row]);
    return conflict ?? refuse('not-found');
  };

  routes.get(
    '/api/v1/conflicts',
    {
      config: read,
      schema: { tags, summary: 'Conflicts, newest first', querystring: ConflictQuery, response: { 200: ConflictPage } },
    },
    async (request, reply) => {
      const { state } = request.query;
      const query = store.db.selectFrom('conflicts').selectAll().where('state', '=', state);
      const { rows, next } = await listPage(context, request, reply, `conflicts ${state}`, query);
      return { conflicts: await conflictsOf(rows), next };
    },
  );

  routes.get(
    '/api/v1/conflicts/:id',
    {
      config: read,
      schema: {
        tags,
        summary: 'One conflict; its ETag names the versions of both records',
        params: ById,
        response: { 200: Conflict },
      },
    },
    async (request, reply) => {
      const conflict = await oneConflict(request.params.id);
      reply.header('etag', `"${shownVersion(conflict.device, conflict.candidate)}"`);
      return conflict;
    },
  );

  routes.post(
    '/api/v1/conflicts/:id/resolution',
    {
      config: decide,
      schema: {
        tags,
        summary: 'Resolve by merge, replace or reject',
        params: ById,
        body: ResolutionRequest,
        response: { 200: Conflict },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { resolution, reason } = request.body;
      await store.write(async (trx) => {
        const row =
          (await trx.selectFrom('conflicts').selectAll().where('id', '=', id).executeTakeFirst()) ??
          refuse('not-found');
        if (row.state !== 'open') refuse('version-mismatch', 'This conflict was resolved already.');
        const device = (await findDevice(trx, row.device_id)) ?? refuse('not-found');
        const candidate = row.candidate_id === null ? undefined : await findDevice(trx, row.candidate_id);
        checkShown(request.headers['if-match'], device, candidate ?? null);
        await resolveConflict(trx, now(), row, device, { resolution, reason }, by(request));
      });
      hub.wake();
      return oneConflict(id);
    },
  );

  routes.get(
    '/api/v1/candidates',
    {
      config: read,
      schema: { tags, summary: 'Candidates, newest first', querystring: PageQuery, response: { 200: CandidatePage } },
    },
    async (request, reply) => {
      const query = store.db
        .selectFrom('devices')
        .selectAll()
        .where('candidate_of', 'is not', null)
        .where('approval', '!=', 'refused');
      const { rows, next } = await listPage(context, request, reply, 'candidates', query);
      const devices = await devicesOf(rows.flatMap((row) => [row.id, row.candidate_of]));
      const candidates = rows.flatMap((row) => {
        const candidate = devices.get(row.id);
        return candidate ? [{ candidate, device: devices.get(row.candidate_of ?? '') ?? null }] : [];
      });
      return { candidates, next };
    },
  );

  routes.post(
    '/api/v1/candidates/:id/resolution',
    {
      config: decide,
      schema: {
        tags,
        summary: 'Join a candidate with its record, or reject it',
        params: ById,
        body: CandidateResolution,
        response: { 200: Device },
      },
    },
    async (request, reply) => {
      const { resolution, reason } = request.body;
      const row = await store.write(async (trx) => {
        const candidate = (await findDevice(trx, request.params.id)) ?? refuse('not-found');
        const record = candidate.candidate_of === null ? undefined : await findDevice(trx, candidate.candidate_of);
        if (!record) return refuse('not-found', 'This device is no candidate of another record.');
        checkShown(request.headers['if-match'], record, candidate);
        const result =
          resolution === 'merge'
            ? await joinRecords(trx, now(), record, candidate, actorOf(request))
            : await changeDevice(trx, now(), candidate.id, {
                approval: 'refused',
                approval_reason: reason ?? approvalReason('another-device'),
                decided_by: actorOf(request).name,
                decided_at: now(),
              });
        await audit(trx, now(), {
          ...by(request),
          action: `candidate.${resolution === 'merge' ? 'joined' : 'refused'}`,
          subject: { type: 'device', id: result.id },
          before: { candidate: candidate.id, record: record.id },
          after: { reason: reason ?? null },
        });
        return result;
      });
      hub.wake();
      const device = (await devicesOf([row.id])).get(row.id) ?? refuse('not-found');
      reply.header('etag', etagOf(device.version));
      return device;
    },
  );
}

/** A claimant's words as text, whatever an older version wrote. */
function textFields(json: string): Record<string, string> {
  const fields = JSON.parse(json) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
