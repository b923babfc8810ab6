import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { AliasRequest, AliasSecret, AttestResponse, SelfDevice } from '../../contract/index.ts';
import { beginAlias, finishAlias } from '../enrollment/alias.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context } from '../http/context.ts';
import { selfView } from './self.ts';

/** Other endorsement keys of an enrolled device's TPM: each becomes an alias once it activated with the enrolled attestation key. */
export async function aliasRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  // A TPM has a handful of keys, and each call costs an encryption, or leaves an audit record.
  const config = { access: { kind: 'device', perMinute: 20 } } as const;
  const tags = ['self'];

  routes.post(
    '/api/v1/self/aliases',
    {
      bodyLimit: 512 * 1024,
      config,
      schema: {
        tags,
        summary: 'Begin to prove another endorsement key of its TPM',
        body: AliasRequest,
        response: { 200: AttestResponse },
      },
    },
    async (request) => {
      if (request.principal.kind !== 'device') return refuse('unauthenticated');
      return beginAlias(context, request.principal, request.body);
    },
  );

  routes.post(
    '/api/v1/self/aliases/secret',
    {
      config,
      schema: { tags, summary: 'Finish it: the key is an alias', body: AliasSecret, response: { 200: SelfDevice } },
    },
    async (request) => {
      if (request.principal.kind !== 'device') return refuse('unauthenticated');
      const by = { actor: actorOf(request), requestId: request.id };
      const row = await finishAlias(context, request.principal, request.body.secret, by);
      return selfView(context, row);
    },
  );
}
