import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import cookie from '@fastify/cookie';
import Fastify, { type FastifyServerOptions } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { refuse } from '../error.ts';
import { isCompatible, sendCompatible } from '../smallstep/answer.ts';
import type { App } from './context.ts';
import { answerMalformed, namesHostOnce } from './malformed.ts';
import { refusalOf, sendProblem } from './problem.ts';

const API_CSP = "default-src 'none'; frame-ancestors 'none'";

type Options = {
  server: Server;
  origin: () => string;
  logger: FastifyServerOptions['logger'];
  trustProxy: FastifyServerOptions['trustProxy'];
};

/** Fastify with what every answer of this server has in common: ids, headers, problem documents, JSON read once and kept as bytes. */
export async function createApplication({ server, origin, logger, trustProxy }: Options): Promise<App> {
  const early: (() => void)[] = [];
  let ready = false;
  const app = Fastify({
    logger: logger ?? false,
    trustProxy: trustProxy ?? false,
    bodyLimit: 256 * 1024,
    requestTimeout: 60_000,
    connectionTimeout: 0,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: false },
    return503OnClosing: true,
    forceCloseConnections: true,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\x20-\x7e]{1,128}$/.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      if (isCompatible(request.raw.url)) return sendCompatible(request, reply, error);
      sendProblem(origin(), request, reply, refusalOf(error));
    },
    clientErrorHandler: (fault, socket) => answerMalformed(origin(), fault, socket),
    serverFactory: (handler) => {
      const serve = (request: IncomingMessage, response: ServerResponse) => {
        if (ready) handler(request, response);
        else early.push(() => handler(request, response));
      };
      server.on('request', serve);
      // An expectation that nobody knows may be passed over (RFC 9110 section 10.1.1); Node's own 417 would have no body.
      server.on('checkExpectation', serve);
      return server;
    },
  });
  // The port is taken before the routes are there: after a restart, clients reconnect within that moment. They wait; a request that
  // reached Fastify before its hooks are set would end the process.
  app.addHook('onReady', async () => {
    setImmediate(() => {
      ready = true;
      for (const serve of early.splice(0)) serve();
    });
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(cookie);

  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    request.rawBody = Buffer.isBuffer(body) ? body : Buffer.from(body);
    if (request.rawBody.length === 0) return done(null, undefined);
    return parse(request, request.rawBody.toString('utf8'), done);
  });

  app.addHook('onRequest', async (request) => {
    if (!namesHostOnce(request.raw)) refuse('invalid-request', 'The request must name its host once.');
  });
  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    if (!reply.hasHeader('referrer-policy')) reply.header('referrer-policy', 'no-referrer');
    if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', API_CSP);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    if (origin().startsWith('https:')) reply.header('strict-transport-security', 'max-age=31536000');
    return payload;
  });
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'internal') request.log.error({ err: error }, 'request failed');
    return sendProblem(origin(), request, reply, refusal);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(origin(), request, reply, {
      code: 'not-found',
      detail: 'There is nothing at this address.',
      headers: {},
    }),
  );
  return app as unknown as App;
}
