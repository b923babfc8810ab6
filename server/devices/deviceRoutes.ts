import type { FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  BulkDecision,
  BulkDecisionResult,
  Decision,
  Device,
  DevicePage,
  DeviceQuery,
  type GoneEvent,
  Id,
  shownVersion,
} from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { frame, lastEventId, openEventStream } from '../events/sse.ts';
import { readmit } from '../http/access.ts';
import { type App, actorOf, type Context, DECIDERS, READERS } from '../http/context.ts';
import { refusalOf } from '../http/problem.ts';
import { findDevice } from '../store/devices.ts';
import { eventsAfter, lastEvent } from '../store/events.ts';
import type { DeviceRow, EventRow } from '../store/schema.ts';
import { decide as decideOne } from './decide.ts';
import { listDevices } from './list.ts';
import { viewsOf } from './view.ts';

/** Events that a console may have missed and still gets one by one; beyond, it reads the list anew. */
const REPLAY = 1000;
const CONSOLES = 200;
const RECHECK_MS = 15_000;

const ById = z.object({ id: Id });

export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Refuses a decision over a record and its candidate where either is not as it was shown. Errors: `version-required`, `version-mismatch`. */
export function checkShown(header: string | undefined, record: DeviceRow, candidate: DeviceRow | null): void {
  const named = header ?? refuse('version-required');
  if (named.trim() !== `"${shownVersion(record, candidate)}"`) refuse('version-mismatch');
}

/** The version that If-Match names. Errors: `version-required`, `invalid-request`. */
export function versionOf(header: string | undefined): number {
  if (header === undefined) return refuse('version-required');
  const version = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  return version === undefined
    ? refuse('invalid-request', 'If-Match must be the ETag of the device.')
    : Number(version);
}

/** The administrators' side: devices, decisions, and their live events. */
export async function deviceRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, hub, now } = context;
  const tags = ['devices'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'devices:read' } } as const;
  const decide = { access: { kind: 'administrator', roles: DECIDERS, scope: 'devices:decide' } } as const;

  const view = async (row: DeviceRow): Promise<Device> => {
    const settings = await context.settings();
    const [device] = await viewsOf(store.db, [row], { settings, demo: context.demo, now: now() });
    return device ?? refuse('not-found');
  };
  const sendDevice = async (reply: FastifyReply, row: DeviceRow) => {
    const device = await view(row);
    reply.header('etag', etagOf(device.version));
    return device;
  };

  routes.get(
    '/api/v1/devices',
    {
      config: read,
      schema: { tags, summary: 'Devices, newest first', querystring: DeviceQuery, response: { 200: DevicePage } },
    },
    async (request, reply) => {
      const page = await listDevices(context, request.query);
      if (page.next !== null) {
        const next = new URL(request.url, context.origin);
        next.searchParams.set('cursor', page.next);
        reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
      }
      return page;
    },
  );

  routes.get(
    '/api/v1/devices/:id',
    {
      config: read,
      schema: {
        tags,
        summary: 'One device; its ETag is what a decision names',
        params: ById,
        response: { 200: Device },
      },
    },
    async (request, reply) => sendDevice(reply, (await findDevice(store.db, request.params.id)) ?? refuse('not-found')),
  );

  routes.put(
    '/api/v1/devices/:id/approval',
    {
      config: decide,
      schema: { tags, summary: 'Approve or refuse', params: ById, body: Decision, response: { 200: Device } },
    },
    async (request, reply) => {
      const version = versionOf(request.headers['if-match']);
      const { id } = request.params;
      const by = { actor: actorOf(request), now: now(), requestId: request.id };
      const row = await decideOne(store, { id, version, decision: request.body, ...by });
      hub.wake();
      return sendDevice(reply, row);
    },
  );

  routes.post(
    '/api/v1/decisions',
    {
      config: decide,
      schema: { tags, summary: 'Decide on many at once', body: BulkDecision, response: { 200: BulkDecisionResult } },
    },
    async (request) => {
      const results: z.infer<typeof BulkDecisionResult>['results'] = [];
      for (const { id, version } of request.body.devices) {
        try {
          const by = { actor: actorOf(request), now: now(), requestId: request.id };
          const row = await decideOne(store, { id, version, decision: request.body.decision, ...by });
          results.push({ id, outcome: 'done', device: await view(row) });
        } catch (error) {
          const { code, detail } = refusalOf(error);
          if (code === 'internal') throw error;
          results.push({ id, outcome: 'failed', code, detail });
        }
      }
      hub.wake();
      return { results };
    },
  );

  const consoles = consoleStreams(context, view);
  routes.get(
    '/api/v1/events',
    { config: read, schema: { tags, summary: 'Changes as server-sent events' } },
    async (request, reply) => {
      if (consoles.count() >= CONSOLES)
        refuse('rate-limited', 'Too many consoles are open.', { headers: { 'retry-after': '30' } });
      const from = lastEventId(request);
      const upTo = await lastEvent(store.db);
      const stream = openEventStream(request, reply);
      consoles.add(stream, upTo);
      const resumes = from !== undefined && upTo - from <= REPLAY;
      // Without a place to go on from, the reader learns where it stands and reads the list.
      if (!resumes) stream.send('ready', { reload: from !== undefined }, upTo);
      // What came between the reading of the place and the listening is told too; a device told twice is only told again.
      const missed = await eventsAfter(store.db, resumes ? from : upTo, REPLAY);
      for (const text of await consoles.frames(missed)) stream.sendRaw(text);
      // A stream outlives the check at its start: it ends with the session or token that opened it.
      const recheck = setInterval(() => {
        readmit(request, context).catch(() => stream.close());
      }, RECHECK_MS);
      recheck.unref();
      stream.onClose(() => clearInterval(recheck));
    },
  );
  app.addHook('onClose', async () => consoles.close());
}

type Stream = ReturnType<typeof openEventStream>;

/** All consoles hear the same text: a device is read and serialized once for each event, not once for each reader. */
function consoleStreams(context: Context, view: (row: DeviceRow) => Promise<Device>) {
  const open = new Map<Stream, number>();
  let queue: Promise<void> = Promise.resolve();

  const frames = async (events: readonly EventRow[]): Promise<string[]> => {
    // Only the latest of a device's events carries news: its data is the device as it is now.
    const latest = new Map(events.map((event) => [event.device_id, event]));
    const texts: string[] = [];
    for (const event of latest.values()) {
      const row = await findDevice(context.store.db, event.device_id);
      // Forgotten, or joined with another: who lists it must not go on to show it.
      const news = row
        ? ({ type: 'device', device: await view(row) } as const)
        : ({ type: 'gone', id: event.device_id } satisfies z.infer<typeof GoneEvent>);
      texts.push(frame(news.type, news, event.seq));
    }
    return texts;
  };
  const unsubscribe = context.hub.subscribe((event) => {
    if (open.size === 0) return;
    queue = queue
      .then(async () => {
        const [text] = await frames([event]);
        if (text === undefined) return;
        for (const [stream, seen] of open) if (event.seq > seen) stream.sendRaw(text);
      })
      // The store closed under a stream that ends with it.
      .catch(() => undefined);
  });
  return {
    frames,
    count: () => open.size,
    add(stream: Stream, seen: number) {
      open.set(stream, seen);
      stream.onClose(() => open.delete(stream));
    },
    close() {
      unsubscribe();
      for (const stream of open.keys()) stream.close();
    },
  };
}
