import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AttestRequest,
  AttestResponse,
  Ceremony,
  CeremonyRequest,
  Challenge,
  EnrollmentRequest,
  EnrollmentResponse,
  Grant,
  GrantRequest,
  SecretRequest,
  SecretResponse,
  ServerInfo,
} from '../../contract/index.ts';
import { activate, attest } from '../attestation/attestation.ts';
import { selfView } from '../devices/self.ts';
import { refuse } from '../error.ts';
import type { App, Context, Principal } from '../http/context.ts';
import { refusalOf, sendProblem } from '../http/problem.ts';
import { CLIENT_IDS, MOUNT } from '../oidc/provider.ts';
import { audit } from '../store/audit.ts';
import { createCeremony } from '../store/ceremonies.ts';
import { createChallenge, QUOTED_PCRS } from '../store/challenges.ts';
import type { CeremonyRow, GrantRow } from '../store/schema.ts';
import { enroll } from './enroll.ts';
import { actorOfGrant, grantEnrolment } from './grants.ts';

const time = (at: number): string => new Date(at).toISOString();

function ceremonyView(row: CeremonyRow) {
  return { id: row.id, code: row.code, expiresAt: time(row.expires_at) };
}

/** The walk of one enrolment up to the stored device: what a client may call before it has a device key. */
export async function walkRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;

  routes.get(
    '/api/v1/server',
    {
      config: { access: { kind: 'public', perMinute: 240 } },
      schema: {
        tags: ['enrolment'],
        summary: 'What a client may know before it signs in',
        response: { 200: ServerInfo },
      },
    },
    async () => {
      const settings = await context.settings();
      return {
        team: { slug: settings.slug, name: settings.name },
        issuer: `${context.origin}${MOUNT}`,
        clientIds: CLIENT_IDS,
        signIn: {
          identityProvider: context.upstream !== null,
          selfEnrolment: settings.selfEnrolment,
          invites: settings.sources['End-User'].allowed,
        },
        demo: context.demo,
        version: context.version,
        time: time(now()),
      };
    },
  );

  routes.post(
    '/api/v1/ceremonies',
    {
      config: { access: { kind: 'public', perMinute: 60 } },
      schema: {
        tags: ['enrolment'],
        summary: 'Announce one enrolment',
        body: CeremonyRequest,
        response: { 201: Ceremony },
      },
    },
    async (request, reply) => {
      const { permanentIdentifier, deviceName, os, keyThumbprint } = request.body;
      const announced = {
        permanent_identifier: permanentIdentifier,
        device_name: deviceName,
        os,
        key_thumbprint: keyThumbprint,
      };
      const row = await store.write((trx) => createCeremony(trx, now(), announced));
      return reply.code(201).send(ceremonyView(row));
    },
  );

  routes.post(
    '/api/v1/grants',
    {
      // Its credentials are a sign-in or a provisioning token, which no other route takes: the handler checks them.
      config: { access: { kind: 'public', perMinute: 60 } },
      schema: {
        tags: ['enrolment'],
        summary: 'Permission to enrol one device',
        body: GrantRequest,
        response: { 201: Grant },
      },
    },
    async (request, reply) => {
      const { row, secret, ceremony, owner } = await grantEnrolment(context, request, request.body.ceremonyId);
      return reply.code(201).send({
        grant: secret,
        expiresAt: time(row.expires_at),
        ceremony: ceremonyView(ceremony),
        owner: owner ? { email: owner.email, displayName: owner.display_name } : null,
      });
    },
  );

  routes.post(
    '/api/v1/challenges',
    {
      config: { access: { kind: 'grant', otherwise: 'device', perMinute: 60 } },
      schema: {
        tags: ['enrolment'],
        summary: 'A single-use challenge for certify and quote',
        body: z.strictObject({}).optional(),
        response: { 201: Challenge },
      },
    },
    async (request, reply) => {
      const target = challengeTarget(request.principal);
      const { challenge, row } = await store.write((trx) => createChallenge(trx, now(), target));
      return reply.code(201).send({
        challenge: Buffer.from(challenge).toString('base64'),
        pcrs: { bank: 'sha256' as const, indices: [...QUOTED_PCRS] },
        expiresAt: time(row.expires_at),
      });
    },
  );

  routes.post(
    '/api/v1/enrollments',
    {
      bodyLimit: 1024 * 1024,
      config: { access: { kind: 'grant', perMinute: 60 } },
      schema: {
        tags: ['enrolment'],
        summary: 'Enrol the device that the grant was given for',
        body: EnrollmentRequest,
        response: { 201: EnrollmentResponse },
      },
    },
    async (request, reply) => {
      const grant = grantOf(request.principal) ?? refuse('unauthenticated');
      const actor = await actorOfGrant(store.db, grant, request.ip);
      const device = await enroll(context, grant, request.body, { actor, requestId: request.id });
      return reply.code(201).send(await selfView(context, device));
    },
  );

  await app.register((nested) => attestationRoutes(nested, context));
}

function grantOf(principal: Principal): GrantRow | null {
  return principal.kind === 'grant' ? principal.grant : null;
}

function challengeTarget(principal: Principal): Parameters<typeof createChallenge>[2] {
  if (principal.kind === 'device') return { purpose: 'reattest', deviceId: principal.device.id };
  const grant = grantOf(principal) ?? refuse('unauthenticated');
  return { purpose: 'enrol', grantId: grant.id };
}

/**
 * `/attest` and `/secret` in the wire format of Smallstep's clients, which send JSON without a content type, ask under a version prefix, and
 * read `message` at most: a problem document with that member serves them and ours.
 */
async function attestationRoutes(app: App, context: Context): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 256 * 1024 }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)) as unknown);
    } catch {
      done(null, undefined);
    }
  });
  app.setErrorHandler(async (error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'internal') request.log.error({ err: error }, 'attestation failed');
    else await auditRefusal(context, request.principal, request.ip, request.id, refusal.code, request.url);
    return sendProblem(context.origin, request, reply, refusal, { message: refusal.detail });
  });
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const config = { access: { kind: 'grant', otherwise: 'anonymous', perMinute: 60 } } as const;
  for (const prefix of ['', '/1.0']) {
    const schema = { hide: prefix !== '', tags: ['attestation'] };
    routes.post(
      `${prefix}/attest`,
      {
        config,
        schema: {
          ...schema,
          summary: 'Begin the activation of an attestation key',
          body: AttestRequest,
          response: { 200: AttestResponse },
        },
      },
      async (request) => attest(context, request.body, grantOf(request.principal)),
    );
    routes.post(
      `${prefix}/secret`,
      {
        config,
        schema: {
          ...schema,
          summary: 'Finish it, for an attestation key certificate',
          body: SecretRequest,
          response: { 200: SecretResponse },
        },
      },
      async (request) => activate(context, Buffer.from(request.body.secret, 'base64'), grantOf(request.principal)),
    );
  }
}

async function auditRefusal(
  context: Context,
  principal: Principal,
  address: string,
  requestId: string,
  code: string,
  action: string,
): Promise<void> {
  // Strangers' refusals are many and name nothing: those of a grant's holder are worth a record.
  if (principal?.kind !== 'grant') return;
  const actor = await actorOfGrant(context.store.db, principal.grant, address);
  await context.store.write((trx) =>
    audit(trx, context.now(), {
      actor,
      action: action.endsWith('/attest') ? 'device.attested' : 'device.activated',
      subject: { type: 'identifier', id: principal.grant.permanent_identifier },
      outcome: 'refused',
      code,
      requestId,
    }),
  );
}
