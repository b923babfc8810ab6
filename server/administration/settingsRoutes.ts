import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { SettingsAnswer, SettingsChange, type Source, type TeamSettings } from '../../contract/index.ts';
import { type App, actorOf, type Context, OWNERS, READERS } from '../http/context.ts';
import { changeSettings } from '../policy/changeSettings.ts';
import { loadSettings } from '../store/settings.ts';

/** Team Settings. */
export async function settingsRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ['settings'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'settings:read' } } as const;
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: 'settings:write' } } as const;

  routes.get(
    '/api/v1/settings',
    { config: read, schema: { tags, summary: 'Team Settings', response: { 200: SettingsAnswer } } },
    async () => ({ settings: await context.settings(), waiting: 0 }),
  );

  routes.patch(
    '/api/v1/settings',
    {
      config: write,
      schema: {
        tags,
        summary: 'Change Team Settings; devices that wait keep waiting',
        body: SettingsChange,
        response: { 200: SettingsAnswer },
      },
    },
    async (request) => {
      const { sources, ...fields } = request.body;
      const answer = await context.store.write(async (trx) => {
        const current = await loadSettings(trx);
        const change = { ...fields, ...(sources ? { sources: merged(current.sources, sources) } : {}) };
        const defined = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
        const by = { actor: actorOf(request), requestId: request.id };
        return changeSettings(trx, context.now(), defined as Partial<TeamSettings>, by);
      });
      context.hub.wake();
      return answer;
    },
  );
}

/** A source that is named keeps what its change does not say: a client that does not know a field does not clear it. */
function merged(current: TeamSettings['sources'], change: Partial<TeamSettings['sources']>): TeamSettings['sources'] {
  const named = Object.entries(change).map(([source, policy]) => [source, { ...current[source as Source], ...policy }]);
  return { ...current, ...Object.fromEntries(named) };
}
