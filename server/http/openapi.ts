import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { ERRORS } from '../../contract/index.ts';
import { escapeHtml, page } from '../oidc/pages.ts';
import type { App, Context } from './context.ts';
import { accessOf, describeAccess, describeProblems } from './describe.ts';
import { type OpenApiDocument, renderReference } from './reference.ts';

/** OpenAPI 3.1 from the schemas, and the list of error codes that every problem's `type` leads to. Register before the routes. */
export async function registerOpenApi(app: App, context: Context): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Muster', version: context.version, description: 'A high-assurance device inventory.' },
      servers: [{ url: context.origin }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token with the scope that is named.' },
          session: { type: 'apiKey', in: 'cookie', name: 'muster-session', description: 'A console session.' },
          device: {
            type: 'apiKey',
            in: 'header',
            name: 'Signature',
            description: 'RFC 9421, signed with the device key.',
          },
          webhook: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Smallstep-Signature',
            description: 'HMAC-SHA256 of the body, as step-ca signs its webhooks.',
          },
          grant: { type: 'http', scheme: 'DPoP', description: 'A grant with a DPoP proof (RFC 9449).' },
        },
      },
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input);
      return { schema: { ...schema, ...describeAccess(accessOf(input.route)) }, url };
    },
    transformObject: (input) =>
      describeProblems(jsonSchemaTransformObject(input) as { paths?: Record<string, unknown> }) as never,
  });
  await app.register(async (nested) => {
    const config = { access: { kind: 'public', perMinute: 60 } } as const;
    nested.get('/api/openapi.json', { config, schema: { hide: true } }, async (_request, reply) =>
      reply.type('application/json').send(JSON.stringify(app.swagger())),
    );
    nested.get('/api/reference', { config, schema: { hide: true } }, async (_request, reply) => {
      const body = renderReference(app.swagger() as unknown as OpenApiDocument);
      const { html, headers } = page({ title: 'The API of Muster', body, demo: context.demo, wide: true });
      return reply.headers(headers).send(html);
    });
    nested.get('/api/problems', { config, schema: { hide: true } }, async (_request, reply) => {
      const rows = Object.entries(ERRORS).map(
        ([code, [status, title, advice]]) =>
          `<dt id="${code}">${code} (${status})</dt><dd>${escapeHtml(title)} ${escapeHtml(advice)}</dd>`,
      );
      const { html, headers } = page({ title: 'Error codes', body: `<dl>${rows.join('')}</dl>`, demo: context.demo });
      return reply.headers(headers).send(html);
    });
  });
}
