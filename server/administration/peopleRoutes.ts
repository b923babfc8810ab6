import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { sql } from 'kysely';
import { z } from 'zod';
import {
  approvalReason,
  Id,
  type Person,
  PersonChange,
  PersonChanged,
  PersonPage,
  PersonQuery,
  Role,
} from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, OWNERS, READERS } from '../http/context.ts';
import { setLifecycle } from '../inventory/lifecycle.ts';
import { type Actor, audit } from '../store/audit.ts';
import { changeDevice } from '../store/devices.ts';
import type { UserRow } from '../store/schema.ts';
import { loadSettings } from '../store/settings.ts';
import type { Db, Trx } from '../store/store.ts';
import { liveTokensOf, mayMakeTokens, revokeToken } from '../store/tokens.ts';
import { findUser } from '../store/users.ts';
import { containing, listPage, time, timeOrNull } from './pages.ts';

async function peopleOf(db: Db | Trx, rows: readonly UserRow[]): Promise<Person[]> {
  if (rows.length === 0) return [];
  const counts = await db
    .selectFrom('devices')
    .select((eb) => ['owner_id', eb.fn.countAll().as('count')])
    .where(
      'owner_id',
      'in',
      rows.map((row) => row.id),
    )
    .where('lifecycle', '!=', 'deleted')
    .groupBy('owner_id')
    .execute();
  const countOf = new Map(counts.map((row) => [row.owner_id, Number(row.count)]));
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    displayName: row.display_name,
    role: Role.safeParse(row.role).data ?? null,
    active: row.active === 1,
    signedIn: row.issuer !== null,
    devices: countOf.get(row.id) ?? 0,
    createdAt: time(row.created_at),
    lastSignInAt: timeOrNull(row.last_sign_in_at),
  }));
}

type By = { actor: Actor; requestId: string };

/** What Team Settings say about the devices of a person who leaves. Returns how many were touched. */
async function handOver(trx: Trx, now: number, user: UserRow, by: By): Promise<{ policy: string; devices: number }> {
  const { onPersonLeaves: policy } = await loadSettings(trx);
  const rows = await trx
    .selectFrom('devices')
    .selectAll()
    .where('owner_id', '=', user.id)
    .where('lifecycle', '!=', 'deleted')
    .execute();
  for (const device of policy === 'keep' ? [] : rows) {
    if (policy === 'quarantine') {
      if (device.lifecycle === 'active') await setLifecycle(trx, now, device, 'quarantined', by);
      continue;
    }
    if (device.approval === 'refused') continue;
    await changeDevice(trx, now, device.id, {
      approval: 'refused',
      approval_reason: approvalReason('owner-left'),
      decided_by: by.actor.name,
      decided_at: now,
    });
    await audit(trx, now, {
      ...by,
      action: 'device.refused',
      subject: { type: 'device', id: device.id },
      before: { approval: device.approval },
      after: { approval: 'refused', reason: approvalReason('owner-left') },
    });
  }
  return { policy, devices: rows.length };
}

/**
 * The live API tokens of a person who leaves, or is no owner any more. By default they go on: gateways and scripts run on them, and stop for
 * everybody at once. They are named in the answer and marked in their list, or revoked where Team Settings say so.
 */
async function handOverTokens(
  trx: Trx,
  now: number,
  user: UserRow,
  next: Pick<UserRow, 'role' | 'active'>,
  by: By,
): Promise<z.infer<typeof PersonChanged>['tokens']> {
  const { onTokenMakerLeaves: policy } = await loadSettings(trx);
  if (!mayMakeTokens(user) || mayMakeTokens(next)) return { policy, made: [] };
  const live = await liveTokensOf(trx, now, user.id);
  if (policy === 'revoke') for (const { id } of live) await revokeToken(trx, now, id, by, { reason: 'its maker left' });
  return { policy, made: live.map(({ id, name }) => ({ id, name })) };
}

/** People, their roles, and their leaving. */
export async function peopleRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const tags = ['people'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'people:write' } } as const;
  // A token must not hand out roles: only a signed-in owner does.
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: null } } as const;

  routes.get(
    '/api/v1/people',
    {
      config: read,
      schema: { tags, summary: 'People, newest first', querystring: PersonQuery, response: { 200: PersonPage } },
    },
    async (request, reply) => {
      const { search } = request.query;
      let query = store.db.selectFrom('users').selectAll();
      if (search !== undefined) {
        const pattern = containing(search.toLowerCase());
        query = query.where(
          sql<boolean>`(email_lower like ${pattern} escape '\\' or lower(display_name) like ${pattern} escape '\\')`,
        );
      }
      const [list, scan] = search === undefined ? (['people'] as const) : ([`people ${search}`, 'users'] as const);
      const { rows, next } = await listPage(context, request, reply, list, query, scan);
      return { people: await peopleOf(store.db, rows), next };
    },
  );

  routes.patch(
    '/api/v1/people/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Change a role, or say that a person left or came back',
        params: z.object({ id: Id }),
        body: PersonChange,
        response: { 200: PersonChanged },
      },
    },
    async (request) => {
      const { role, active } = request.body;
      const by = { actor: actorOf(request), requestId: request.id };
      const answer = await store.write(async (trx) => {
        const user = (await findUser(trx, request.params.id)) ?? refuse('not-found');
        const next = {
          role: role === undefined ? user.role : role,
          active: active === undefined ? user.active : Number(active),
        };
        await keepAnOwner(trx, user, next);
        await trx.updateTable('users').set(next).where('id', '=', user.id).execute();
        const ends = user.active === 1 && next.active === 0;
        if (ends || next.role !== user.role) {
          // A session never outlives the role it was opened with.
          await trx
            .updateTable('sessions')
            .set({ revoked_at: now() })
            .where('user_id', '=', user.id)
            .where('revoked_at', 'is', null)
            .execute();
        }
        const handed = ends ? await handOver(trx, now(), user, by) : null;
        const tokens = await handOverTokens(trx, now(), user, next, by);
        await audit(trx, now(), {
          ...by,
          action: 'person.changed',
          subject: { type: 'person', id: user.id },
          before: { role: user.role, active: user.active === 1 },
          after: {
            role: next.role,
            active: next.active === 1,
            ...(handed ?? {}),
            ...(tokens.made.length > 0 ? { tokens } : {}),
          },
        });
        const [person] = await peopleOf(trx, [{ ...user, ...next }]);
        const devices = { policy: handed?.policy ?? null, devices: handed?.devices ?? 0 };
        return { person: person ?? refuse('not-found'), ...devices, tokens };
      });
      context.hub.wake();
      return PersonChanged.parse(answer);
    },
  );
}

/** Error: `forbidden` where nobody would be left who can change settings. */
async function keepAnOwner(trx: Trx, user: UserRow, next: { role: string | null; active: number }): Promise<void> {
  if (user.role !== 'owner' || (next.role === 'owner' && next.active === 1)) return;
  const other = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'owner')
    .where('active', '=', 1)
    .where('id', '!=', user.id)
    .executeTakeFirst();
  if (!other) refuse('forbidden', 'The team needs at least one active owner: name another one first.');
}
