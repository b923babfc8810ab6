import type { FastifyRequest } from 'fastify';
import type { Role, Scope } from '../../contract/index.ts';
import { Role as RoleSchema, Scope as ScopeSchema } from '../../contract/index.ts';
import { reportReplacedKey } from '../enrollment/replacedKey.ts';
import { refuse, ServerError } from '../error.ts';
import { type Actor, audit } from '../store/audit.ts';
import { findGrant } from '../store/ceremonies.ts';
import { hashOf, isSecret } from '../store/ids.ts';
import { findSession } from '../store/sessions.ts';
import type { Access, App, Context, Principal } from './context.ts';
import { cookieName } from './cookies.ts';
import { verifyDpop } from './dpop.ts';
import type { Limits } from './limits.ts';
import { isOwnOrigin } from './sameOrigin.ts';
import { checkContentDigest, verifySignature } from './signature.ts';

const ANONYMOUS: Principal = { kind: 'anonymous' };
const TOKEN_TOUCH_MS = 60_000;

/** Enforces every route's access rule before its body is read; a route that declares none does not register. */
export function enforceAccess(app: App, context: Context, limits: Limits): void {
  app.decorateRequest('principal', undefined as never);
  app.decorateRequest('rawBody', null);
  app.addHook('onRoute', (route) => {
    const access = route.config?.access;
    if (!access) throw new Error(`Route ${route.method} ${route.url} does not say who may call it.`);
    for (const method of [route.method].flat()) context.routes.push({ method, url: route.url, access });
  });
  app.addHook('onRequest', async (request) => {
    request.principal = ANONYMOUS;
    const access = request.routeOptions.config?.access;
    if (!access) return;
    await limits.stranger(request, access);
    request.principal = await admit(request, access, context, limits).catch(async (error: unknown) => {
      if (access.kind === 'administrator' && error instanceof ServerError && error.code === 'unauthenticated') {
        await limits.failure(request);
      }
      throw error;
    });
    const caller = callerId(request.principal);
    if (caller !== null) await limits.caller(request, caller, access);
  });
  app.addHook('preValidation', async (request) => {
    if (request.principal.kind !== 'device' || !hasBody(request)) return;
    checkContentDigest(request.headers['content-digest'], request.rawBody ?? Buffer.alloc(0));
  });
}

/** Asks again whether the caller may do what the route says: a stream lasts longer than one check. Throws as the first time. */
export async function readmit(request: FastifyRequest, context: Context): Promise<void> {
  const access = request.routeOptions.config?.access;
  if (access?.kind === 'administrator') await admitAdministrator(request, access, context, null);
}

async function admit(request: FastifyRequest, access: Access, context: Context, limits: Limits): Promise<Principal> {
  switch (access.kind) {
    case 'public':
      return ANONYMOUS;
    case 'administrator':
      return admitAdministrator(request, access, context, limits);
    case 'device':
      return admitDevice(request, context, limits);
    case 'grant':
      if (access.otherwise === 'device' && request.headers['signature-input'] !== undefined) {
        return admitDevice(request, context, limits);
      }
      return admitGrant(request, access.otherwise === 'anonymous', context);
    default:
      return access satisfies never;
  }
}

type AdministratorAccess = { roles: readonly Role[]; scope: Scope | null };

async function admitAdministrator(
  request: FastifyRequest,
  access: AdministratorAccess,
  context: Context,
  /** Null where a caller that was let in is only looked at again: that is neither a use nor a try. */
  limits: Limits | null,
): Promise<Principal> {
  const authorization = request.headers.authorization;
  if (authorization !== undefined) return admitToken(request, authorization, access.scope, context, limits);
  const cookie = request.cookies[cookieName(context.origin, 'session')];
  const found =
    cookie && isSecret('session', cookie)
      ? await findSession(context.store.db, context.now(), cookie, limits !== null)
      : undefined;
  const role = RoleSchema.safeParse(found?.user.role);
  if (!found || !role.success) return refuse('unauthenticated');
  const { user } = found;
  const actor = { type: 'administrator', id: user.id, name: user.email, address: request.ip } as const;
  const forbidden = (detail: string) => refuseKnown(request, context, limits, actor, detail);
  if (!['GET', 'HEAD'].includes(request.method)) {
    if (!isOwnOrigin(request.headers, context.origin)) return forbidden('This request did not come from this console.');
    if (hasBody(request) && !/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      refuse('unsupported-media-type');
    }
  }
  if (!access.roles.includes(role.data)) return forbidden(`This needs the role ${access.roles.join(' or ')}.`);
  return {
    kind: 'administrator',
    user,
    role: role.data,
    sessionHash: found.session.hash,
    expiresAt: found.session.expires_at,
  };
}

/** Who asks is known, and may not: that is worth a record, where a stranger's try is not. Error: `forbidden`, or `rate-limited`. */
async function refuseKnown(
  request: FastifyRequest,
  context: Context,
  limits: Limits | null,
  actor: Actor & { id: string },
  detail: string,
): Promise<never> {
  if (limits) {
    await limits.forbidden(request, actor.id);
    await context.store.write((trx) =>
      audit(trx, context.now(), {
        actor,
        action: 'request.refused',
        subject: { type: 'route', id: `${request.method} ${request.routeOptions.url ?? ''}` },
        outcome: 'refused',
        code: 'forbidden',
        requestId: request.id,
      }),
    );
  }
  const error = new ServerError('forbidden', detail);
  error.recorded = limits !== null;
  throw error;
}

async function admitToken(
  request: FastifyRequest,
  authorization: string,
  scope: Scope | null,
  context: Context,
  limits: Limits | null,
): Promise<Principal> {
  const now = context.now();
  const secret = /^Bearer (\S{1,256})$/i.exec(authorization)?.[1];
  if (secret === undefined || !isSecret('api', secret))
    return refuse('unauthenticated', 'The API token is not a valid one.');
  const row = await context.store.db
    .selectFrom('tokens')
    .selectAll()
    .where('hash', '=', hashOf(secret))
    .executeTakeFirst();
  if (!row || row.revoked_at !== null || (row.expires_at !== null && row.expires_at <= now)) {
    return refuse('unauthenticated', 'The API token is not known, has expired, or was revoked.');
  }
  const scopes = ScopeSchema.array().parse(JSON.parse(row.scopes));
  const actor = { type: 'token', id: row.id, name: row.name, address: request.ip } as const;
  const forbidden = (detail: string) => refuseKnown(request, context, limits, actor, detail);
  if (scope === null) return forbidden('This cannot be done with an API token.');
  if (!scopes.includes(scope)) return forbidden(`The API token lacks the scope ${scope}.`);
  if (limits && (row.last_used_at === null || now - row.last_used_at > TOKEN_TOUCH_MS)) {
    await context.store.db.updateTable('tokens').set({ last_used_at: now }).where('id', '=', row.id).execute();
  }
  request.log.debug({ token: row.id }, 'API token');
  return { kind: 'token', id: row.id, name: row.name, scopes };
}

async function admitDevice(request: FastifyRequest, context: Context, limits: Limits): Promise<Principal> {
  const { store, now, origin } = context;
  const key = await verifySignature(store, {
    method: request.method,
    targetUri: `${origin}${request.raw.url ?? ''}`,
    headers: request.headers,
    hasBody: hasBody(request),
    now: now(),
  });
  const device = await store.db.selectFrom('devices').selectAll().where('id', '=', key.device_id).executeTakeFirst();
  if (!device) return refuse('device-deleted');
  if (key.revoked_reason === 'replaced') {
    await limits.replacedKey(request, key.thumbprint);
    await reportReplacedKey(context, device, key, request);
    return refuse(
      'device-conflict',
      'This key was replaced when the device enrolled again, and still signs: an administrator must look.',
    );
  }
  if (key.revoked_reason === 'dismissed') {
    return refuse('device-deleted', 'This key was replaced, and an administrator dismissed it: enrol again.');
  }
  if (key.revoked_at !== null) return refuse('device-deleted', 'This device was un-enrolled.');
  return { kind: 'device', device, key };
}

async function admitGrant(request: FastifyRequest, optional: boolean, context: Context): Promise<Principal> {
  const authorization = request.headers.authorization;
  if (authorization === undefined) return optional ? ANONYMOUS : refuse('unauthenticated', 'This needs a grant.');
  const secret = /^DPoP (\S{1,256})$/i.exec(authorization)?.[1];
  if (secret === undefined || !isSecret('grant', secret)) return refuse('unauthenticated', 'This needs a grant.');
  const { store, now, origin } = context;
  const thumbprint = await verifyDpop(store, {
    proof: one(request.headers.dpop),
    method: request.method,
    url: `${origin}${pathOf(request)}`,
    token: secret,
    now: now(),
  });
  const grant = await findGrant(store.db, secret);
  if (!grant) return refuse('unauthenticated', 'This grant is not known.');
  if (grant.key_thumbprint !== thumbprint) refuse('proof-refused', 'The grant is bound to another key.');
  if (grant.used_at !== null) refuse('grant-used');
  if (grant.revoked_at !== null || grant.expires_at <= now()) refuse('grant-expired');
  return { kind: 'grant', grant, thumbprint };
}

function callerId(principal: Principal): string | null {
  switch (principal.kind) {
    case 'administrator':
      return principal.user.id;
    case 'token':
      return principal.id;
    case 'device':
      return principal.device.id;
    case 'grant':
    case 'anonymous':
      return null;
    default:
      return principal satisfies never;
  }
}

/** The path as the client sent it, without query. */
export function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

export function hasBody(request: FastifyRequest): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
