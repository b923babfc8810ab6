import type { IncomingMessage } from 'node:http';
import type { App, Context } from '../http/context.ts';
import { noteCaller } from './caller.ts';
import { MOUNT } from './provider.ts';

/** oidc-provider under its path. It reads bodies itself, and is told the configured origin whatever the request says. */
export async function mountProvider(app: App, context: Context): Promise<void> {
  const { origin, provider } = context;
  const { host, protocol } = new URL(origin);
  const handle = provider.callback();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.all(
    `${MOUNT}/*`,
    { config: { access: { kind: 'public', perMinute: 300 } }, schema: { hide: true } },
    async (request, reply) => {
      const raw = request.raw as IncomingMessage & { originalUrl?: string };
      noteCaller(raw, { address: request.ip, requestId: request.id });
      raw.originalUrl = raw.url ?? '/';
      raw.url = raw.originalUrl.slice(MOUNT.length);
      for (const name of Object.keys(raw.headers)) if (name.startsWith('x-forwarded-')) delete raw.headers[name];
      raw.headers.host = host;
      raw.headers['x-forwarded-proto'] = protocol.slice(0, -1);
      reply.raw.setHeader('x-request-id', request.id);
      reply.raw.setHeader('x-content-type-options', 'nosniff');
      reply.raw.setHeader('referrer-policy', 'no-referrer');
      reply.hijack();
      await handle(raw, reply.raw);
    },
  );
}
