import type { FastifyBodyParser, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '../../contract/index.ts';
import { actorOf, type Context, DECIDERS, OWNERS, READERS } from '../http/context.ts';
import { refusalOf, sendProblem } from '../http/problem.ts';
import { first, isCompatible, sendCompatible, versionToEcho } from './answer.ts';
import { AuthRequest, parseBody } from './bodies.ts';
import type { RouteTable } from './call.ts';
import { collectionRoutes } from './collections.ts';
import { deviceCollectionRoutes } from './deviceCollections.ts';
import { deviceRoutes } from './devices.ts';
import { enrollmentPolicyRoutes } from './enrollmentPolicy.ts';
import { SmallstepRefusal } from './refusal.ts';
import { requestedVersion } from './version.ts';

const VERSION_HEADER = 'x-smallstep-api-version';
const ROLES = { read: READERS, decide: DECIDERS, own: OWNERS } as const;

/** Console roles for a scope: whoever may read, decide, or change settings. */
function rolesOf(scope: Scope) {
  switch (scope) {
    case 'devices:read':
    case 'settings:read':
    case 'access:read':
    case 'audit:read':
      return ROLES.read;
    case 'devices:write':
    case 'devices:decide':
      return ROLES.decide;
    // Here only for provisioning tokens, which only owners make on Muster's own API too.
    case 'people:write':
    case 'settings:write':
      return ROLES.own;
    default:
      return scope satisfies never;
  }
}

/**
 * Smallstep's API under `/api`: its versions, its `{ "message" }` errors (of the framework too), its headers. Register with the prefix
 * `/api`; errors and unknown paths below it stay inside this plugin.
 */
export async function smallstepMount(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  app.addHook('onSend', async (request, reply, payload) => {
    if (isCompatible(request.raw.url) && !reply.hasHeader(VERSION_HEADER))
      reply.header(VERSION_HEADER, versionToEcho(request));
    return payload;
  });
  // Unknown paths of Muster's own API end here too, since this mount's prefix is shorter: they keep their own form.
  app.setErrorHandler((error, request, reply) =>
    isCompatible(request.raw.url)
      ? sendCompatible(request, reply, error)
      : sendProblem(context.origin, request, reply, refusalOf(error)),
  );
  app.setNotFoundHandler((request, reply) => {
    const refusal = { code: 'not-found', detail: 'There is nothing at this address.', headers: {} } as const;
    if (!isCompatible(request.raw.url)) return sendProblem(context.origin, request, reply, refusal);
    return sendCompatible(request, reply, new SmallstepRefusal(404, refusal.detail));
  });
  const parse = app.getDefaultJsonParser('error', 'error');
  const read: FastifyBodyParser<string> = (request, body, done) =>
    body.length === 0 ? done(null, undefined) : parse(request, body, done);
  app.addContentTypeParser(/^application\/vnd\.smallstep\.[\w.-]+\+json/i, { parseAs: 'string' }, read);
  // `curl -d` sends a form's type, some scripts none: the documents know no 415, and bodies are JSON whatever they are called. Sessions of
  // the console stay strict (enforceAccess), so that no page elsewhere can send a plain form.
  app.addContentTypeParser('*', { parseAs: 'string' }, read);
  const tables = [collectionRoutes, deviceCollectionRoutes, deviceRoutes, enrollmentPolicyRoutes];
  for (const route of tables.flat()) {
    app.route({
      method: route.method,
      url: route.url,
      config: {
        access: { kind: 'administrator', roles: rolesOf(route.scope), scope: route.scope },
        smallstepVersions: route.versions,
      },
      schema: { hide: true },
      handler: (request, reply) => run(context, route, request, reply),
    });
  }
  app.route({
    method: 'POST',
    url: '/auth',
    config: { access: { kind: 'public', perMinute: 30 } },
    schema: { hide: true },
    handler: async (request) => {
      parseBody(AuthRequest, request.body);
      throw new SmallstepRefusal(
        401,
        'Client certificates are not exchanged for tokens here: a proxy may stand before this server, so it sees none. Make an API token in the console and send it as a bearer token.',
      );
    },
  });
}

async function run(context: Context, route: RouteTable[number], request: FastifyRequest, reply: FastifyReply) {
  const version = requestedVersion(first(request.headers[VERSION_HEADER]), request.headers.accept, route.versions);
  reply.header(VERSION_HEADER, version);
  const answer = await route.handler({
    context,
    version,
    request,
    url: request.raw.url ?? '',
    param: (name) => (request.params as Record<string, string>)[name] ?? '',
    by: { actor: actorOf(request), requestId: request.id },
    write: async (work) => {
      const result = await context.store.write(work);
      context.hub.wake();
      return result;
    },
  });
  reply.code(answer.status ?? 200).headers(answer.headers ?? {});
  if (answer.body === undefined) return reply.send();
  return reply.type('application/json').send(JSON.stringify(answer.body));
}
