import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Session } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, READERS } from '../http/context.ts';
import { cookieName } from '../http/cookies.ts';
import { audit } from '../store/audit.ts';
import { revokeSession } from '../store/sessions.ts';

/** Who the console is signed in as. Signing in is `/sign-in`, a walk through the identity provider. */
export async function sessionRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const config = { access: { kind: 'administrator', roles: READERS, scope: null } } as const;
  const tags = ['session'];

  routes.get(
    '/api/v1/session',
    { config, schema: { tags, summary: 'The signed-in administrator', response: { 200: Session } } },
    async (request) => {
      if (request.principal.kind !== 'administrator') return refuse('unauthenticated');
      const { user, role, expiresAt } = request.principal;
      const settings = await context.settings();
      return {
        user: { id: user.id, email: user.email, displayName: user.display_name },
        role,
        team: { slug: settings.slug, name: settings.name },
        demo: context.demo,
        selfApprovalForbidden: settings.selfApprovalForbidden,
        expiresAt: new Date(expiresAt).toISOString(),
      };
    },
  );

  routes.post(
    '/api/v1/session/sign-out',
    { config, schema: { tags, summary: 'End this session', response: { 204: z.null() } } },
    async (request, reply) => {
      if (request.principal.kind !== 'administrator') return refuse('unauthenticated');
      const { sessionHash, user } = request.principal;
      await context.store.write(async (trx) => {
        await revokeSession(trx, context.now(), sessionHash);
        await audit(trx, context.now(), {
          actor: actorOf(request),
          action: 'session.closed',
          subject: { type: 'person', id: user.id },
          requestId: request.id,
        });
      });
      return reply.clearCookie(cookieName(context.origin, 'session'), { path: '/' }).code(204).send(null);
    },
  );
}
