import { readdir } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { refuse } from '../error.ts';
import type { App } from '../http/context.ts';

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The built console under `/console/`; only files that were there at the start are served, every other path is the app itself. */
export async function consoleStaticRoutes(app: App, folder: string): Promise<void> {
  const root = resolve(folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = new Set(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')),
  );
  await app.register(fastifyStatic, { root, serve: false, cacheControl: false, index: false });
  const config = { access: { kind: 'public', perMinute: 1200 } } as const;
  const send = (reply: FastifyReply, path: string) => {
    const asset = path.startsWith('assets/');
    return reply
      .header('content-security-policy', CSP)
      .header('cross-origin-opener-policy', 'same-origin')
      .header('cache-control', asset ? 'public, max-age=31536000, immutable' : 'no-cache')
      .sendFile(path);
  };
  app.get('/', { config, schema: { hide: true } }, async (_request, reply) => reply.redirect('/console/', 302));
  app.get('/console', { config, schema: { hide: true } }, async (_request, reply) => reply.redirect('/console/', 302));
  app.get('/console/*', { config, schema: { hide: true } }, async (request, reply) => {
    const path = (request.params as { '*': string })['*'];
    if (files.has(path)) return send(reply, path);
    if (path.includes('.') || !files.has('index.html')) return refuse('not-found');
    return send(reply, 'index.html');
  });
}
