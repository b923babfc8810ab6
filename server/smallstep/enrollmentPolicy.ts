import { Source, type TeamSettings } from '../../contract/index.ts';
import { changeSettings } from '../policy/changeSettings.ts';
import { PolicyRequest, parseBody } from './bodies.ts';
import type { Call, RouteTable } from './call.ts';

/**
 * Team Settings in the vendor's three fields. Muster keeps `requireUserBinding` per source; it reads as true where any source has it, and
 * writing it sets it for all.
 */
async function policyOf(call: Call): Promise<Record<string, unknown>> {
  const { sources } = await call.context.settings();
  const stored = await call.context.store.db
    .selectFrom('settings')
    .select('updated_at')
    .where('key', '=', 'sources')
    .executeTakeFirst();
  const where = (holds: (policy: TeamSettings['sources'][Source]) => boolean) =>
    Source.options.filter((source) => holds(sources[source]));
  return {
    allowedSources: where((policy) => policy.allowed),
    autoApproveSources: where((policy) => policy.autoApproved),
    requireUserBinding: where((policy) => policy.userBindingRequired).length > 0,
    ...(stored ? { updatedAt: new Date(Number(stored.updated_at)).toISOString() } : {}),
  };
}

export const enrollmentPolicyRoutes: RouteTable = [
  {
    method: 'GET',
    url: '/device-enrollment-policy',
    versions: ['2026-05-01'],
    scope: 'settings:read',
    handler: async (call) => ({ body: await policyOf(call) }),
  },
  {
    method: 'PUT',
    url: '/device-enrollment-policy',
    versions: ['2026-05-01'],
    scope: 'settings:write',
    handler: async (call) => {
      const asked = parseBody(PolicyRequest, call.request.body);
      const { sources: current } = await call.context.settings();
      const sources = Object.fromEntries(
        Source.options.map((source) => [
          source,
          {
            ...current[source],
            allowed: asked.allowedSources.includes(source),
            autoApproved: asked.autoApproveSources.includes(source),
            userBindingRequired: asked.requireUserBinding,
          },
        ]),
      ) as TeamSettings['sources'];
      await call.write((trx) => changeSettings(trx, call.context.now(), { sources }, call.by));
      return { body: await policyOf(call) };
    },
  },
];
