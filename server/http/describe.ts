import type { RouteOptions } from 'fastify';
import type { Access } from './context.ts';

type Described = { security: Record<string, string[]>[]; 'x-roles'?: readonly string[]; description: string };

/** What a route's access rule means in the OpenAPI document: who may call it, in security schemes, scopes and roles. */
export function describeAccess(access: Access | undefined): Described {
  switch (access?.kind) {
    case undefined:
    case 'public':
      if (access?.credential === 'webhook') {
        return {
          security: [{ webhook: [] }],
          description:
            'Signed with the secret of a webhook that an owner entered (X-Smallstep-Webhook-ID, X-Smallstep-Signature).',
        };
      }
      return { security: [], description: 'Anyone may call this; it is limited by address.' };
    case 'administrator': {
      const token = access.scope === null ? [] : [{ token: [access.scope] }];
      const who = `Roles: ${access.roles.join(', ')}.`;
      const scope =
        access.scope === null ? 'API tokens cannot call this.' : `API tokens need the scope ${access.scope}.`;
      return { security: [...token, { session: [] }], 'x-roles': access.roles, description: `${who} ${scope}` };
    }
    case 'device':
      return { security: [{ device: [] }], description: 'Signed with the key of the device (RFC 9421).' };
    case 'grant': {
      const otherwise = access.otherwise === 'device' ? [{ device: [] }] : access.otherwise === 'anonymous' ? [{}] : [];
      return {
        security: [{ grant: [] }, ...otherwise],
        description: 'With a grant and a DPoP proof of its key (RFC 9449).',
      };
    }
    default:
      return access satisfies never;
  }
}

export const accessOf = (route: RouteOptions): Access | undefined => route.config?.access;

type Operation = { responses?: Record<string, unknown> };

/** Every operation may answer a problem document. Those that send no body are said to send none. */
export function describeProblems<T extends { paths?: Record<string, unknown> | undefined }>(document: T): T {
  const problem = {
    description: 'A refusal or an error: RFC 9457 problem details.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const item of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(item as Record<string, Operation>)) {
      const { responses } = operation;
      if (!responses) continue;
      if (responses['204']) responses['204'] = { description: 'Done; no body.' };
      responses.default = problem;
    }
  }
  return document;
}
