import type { FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Id, Invite, InviteMade, InvitePage, InviteRequest, PageQuery } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, DECIDERS, READERS } from '../http/context.ts';
import { createInvite } from '../setUp.ts';
import { audit } from '../store/audit.ts';
import type { InviteRow } from '../store/schema.ts';
import type { Trx } from '../store/store.ts';
import type { Mailer } from './inviteMail.ts';
import { listPage, time, timeOrNull } from './pages.ts';

const ById = z.object({ id: Id });

function stateOf(row: InviteRow, now: number): Invite['state'] {
  if (row.revoked_at !== null) return 'revoked';
  if (row.used_at !== null) return 'used';
  if (row.expires_at <= now) return 'expired';
  return row.opened_at === null ? 'sent' : 'opened';
}

const inviteOf = (row: InviteRow, now: number): Invite => ({
  id: row.id,
  email: row.email,
  state: stateOf(row, now),
  createdBy: row.created_by,
  createdAt: time(row.created_at),
  expiresAt: time(row.expires_at),
  openedAt: timeOrNull(row.opened_at),
  usedAt: timeOrNull(row.used_at),
  revokedAt: timeOrNull(row.revoked_at),
  deviceId: row.device_id,
});

/** Inviting people. Opening and using an invite is the sign-in's part (server/oidc). */
export async function inviteAdminRoutes(app: App, context: Context, mailer: Mailer): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const tags = ['invites'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'people:write' } } as const;
  const write = { access: { kind: 'administrator', roles: DECIDERS, scope: 'people:write' } } as const;
  const find = (id: string) => store.db.selectFrom('invites').selectAll().where('id', '=', id).executeTakeFirst();

  const invite = async (request: FastifyRequest, email: string): Promise<z.infer<typeof InviteMade>> => {
    const { id, secret, expiresAt } = await createInvite(store, { email, createdBy: actorOf(request) }, now());
    const link = `${context.origin}/invite#${secret}`;
    const { name } = await context.settings();
    const subject = `Enrol your device with ${name}`;
    const until = new Date(expiresAt).toUTCString();
    const text = `${name} invites you to enrol your device.\n\nOpen this link on the device you want to enrol:\n${link}\n\nIt works once, until ${until}, and only for ${email}.\n`;
    const delivered = await mailer({ id, to: email, subject, text });
    const row = (await find(id)) ?? refuse('internal');
    return { invite: inviteOf(row, now()), link, ...delivered };
  };

  routes.get(
    '/api/v1/invites',
    {
      config: read,
      schema: { tags, summary: 'Invites, newest first', querystring: PageQuery, response: { 200: InvitePage } },
    },
    async (request, reply) => {
      const query = store.db.selectFrom('invites').selectAll();
      const { rows, next } = await listPage(context, request, reply, 'invites', query);
      return { invites: rows.map((row) => inviteOf(row, now())), next };
    },
  );

  routes.post(
    '/api/v1/invites',
    {
      config: write,
      schema: { tags, summary: 'Invite a person by e-mail', body: InviteRequest, response: { 201: InviteMade } },
    },
    async (request, reply) => reply.code(201).send(await invite(request, request.body.email)),
  );

  routes.post(
    '/api/v1/invites/:id/resend',
    {
      config: write,
      schema: { tags, summary: 'Revoke an invite and send a new one', params: ById, response: { 201: InviteMade } },
    },
    async (request, reply) => {
      const row = (await find(request.params.id)) ?? refuse('not-found');
      if (row.used_at !== null)
        return refuse('already-exists', 'This invite was used already; invite the person anew.');
      await store.write((trx) => revokeInvite(trx, now(), row.id, request));
      return reply.code(201).send(await invite(request, row.email));
    },
  );

  routes.delete(
    '/api/v1/invites/:id',
    { config: write, schema: { tags, summary: 'Revoke an invite', params: ById, response: { 200: Invite } } },
    async (request) => {
      const { id } = request.params;
      if (!(await find(id))) return refuse('not-found');
      await store.write((trx) => revokeInvite(trx, now(), id, request));
      return inviteOf((await find(id)) ?? refuse('not-found'), now());
    },
  );
}

/** Revoking what is used or revoked already changes nothing. */
async function revokeInvite(trx: Trx, now: number, id: string, request: FastifyRequest): Promise<void> {
  const result = await trx
    .updateTable('invites')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  if (Number(result.numUpdatedRows) !== 1) return;
  await audit(trx, now, {
    actor: actorOf(request),
    action: 'invite.revoked',
    subject: { type: 'invite', id },
    requestId: request.id,
  });
}
