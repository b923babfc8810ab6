import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { CaWebhookAnswer, CaWebhookQuestion, type Device } from '../../contract/index.ts';
import { refuse } from '../error.ts';
import type { App, Context } from '../http/context.ts';
import { canonicalIdentifier, IdentifierFault } from '../inventory/identifiers.ts';
import { audit } from '../store/audit.ts';
import { findCaWebhook, sealContext, touchCaWebhook } from '../store/caWebhooks.ts';
import { findDeviceByIdentifier } from '../store/devices.ts';
import type { CaWebhookRow, DeviceRow } from '../store/schema.ts';
import { accessOf } from './access.ts';

/** How old a question may be, or how far ahead of this clock. It has no nonce, and step-ca sends the same bytes again after a failure. */
const WINDOW_MS = 5 * 60_000;
/** Compared with where the webhook is unknown, so that the answer takes as long. */
const NO_SECRET = randomBytes(32);

declare module 'fastify' {
  interface FastifyRequest {
    caWebhook: CaWebhookRow | null;
  }
}

/**
 * The question that step-ca asks before it issues (its webhooks ENRICHING and AUTHORIZING): may this attested device have a certificate?
 * Answered with 200 and `allow` either way, because step-ca takes any other status for a broken server.
 */
export async function caWebhookRoute(app: App, context: Context): Promise<void> {
  app.decorateRequest('caWebhook', null);
  // step-ca sends JSON without a content type; its signature is over the bytes as they came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    request.rawBody = Buffer.isBuffer(body) ? body : Buffer.from(body);
    try {
      done(null, JSON.parse(request.rawBody.toString('utf8')) as unknown);
    } catch {
      done(null, undefined);
    }
  });
  app.withTypeProvider<ZodTypeProvider>().post(
    '/api/v1/webhooks/step-ca',
    {
      config: { access: { kind: 'public', perMinute: 1200, credential: 'webhook' } },
      schema: {
        tags: ['access'],
        summary: 'May this attested device have a certificate? Asked by step-ca',
        body: CaWebhookQuestion,
        response: { 200: CaWebhookAnswer },
      },
      // Before the body is validated: a stranger learns nothing of its shape.
      preValidation: async (request) => {
        request.caWebhook = await authenticate(context, request);
      },
    },
    async (request) => {
      const webhook = request.caWebhook ?? refuse('unauthenticated');
      const now = context.now();
      if (Math.abs(now - Date.parse(request.body.timestamp)) > WINDOW_MS) {
        return refuse(
          'clock-skew',
          'The question was signed too long ago, or the clocks of the authority and of this server differ.',
        );
      }
      await touchCaWebhook(context.store.db, now, webhook);
      const { answer, row } = await answerTo(context, webhook, request.body);
      if (!answer.allow) {
        await context.store.write((trx) =>
          audit(trx, now, {
            actor: { type: 'server', id: webhook.id, name: webhook.name, address: request.ip },
            action: 'certificate.asked',
            subject: { type: 'device', id: row?.id ?? null },
            outcome: 'refused',
            code: answer.error?.code ?? null,
            after: {
              permanentIdentifier: request.body.attestationData?.permanentIdentifier ?? null,
              provisioner: request.body.provisionerName ?? null,
            },
            requestId: request.id,
          }),
        );
      }
      return answer;
    },
  );
}

/** The webhook whose secret signed the body. Error: `unauthenticated`, the same for an unknown id and a wrong signature. */
async function authenticate(context: Context, request: FastifyRequest): Promise<CaWebhookRow> {
  const id = request.headers['x-smallstep-webhook-id'];
  const signature = request.headers['x-smallstep-signature'];
  const row = typeof id === 'string' && id.length <= 64 ? await findCaWebhook(context.store.db, id) : undefined;
  const secret = row ? context.unseal(sealContext(row.id), row.secret) : NO_SECRET;
  const expected = createHmac('sha256', secret)
    .update(request.rawBody ?? Buffer.alloc(0))
    .digest();
  const given = Buffer.from(typeof signature === 'string' && /^[0-9a-f]{64}$/i.test(signature) ? signature : '', 'hex');
  const matches = given.length === expected.length && timingSafeEqual(given, expected);
  if (!row || !matches) {
    return refuse('unauthenticated', 'No webhook of a certificate authority that is known here signed this question.');
  }
  return row;
}

type Answered = { answer: CaWebhookAnswer; row: DeviceRow | undefined };
const refused = (code: string, message: string, row?: DeviceRow): Answered => ({
  answer: { allow: false, error: { code, message } },
  row,
});

async function answerTo(context: Context, webhook: CaWebhookRow, question: CaWebhookQuestion): Promise<Answered> {
  // The names in the request are the client's own words, and step-ca lower-cases the common name: only what was attested counts.
  const attested = question.attestationData?.permanentIdentifier;
  if (attested === undefined) return refused('not-attested', 'The order names no identifier that a device attested.');
  const others = (question.x509Certificate?.sans ?? []).filter(
    (san) => san.type === 'permanentIdentifier' && san.value !== attested,
  );
  if (others.length > 0) return refused('other-identifier', 'The certificate would name another device than attested.');
  const row = await find(context, attested);
  const { answer, device } = await accessOf(context, row, webhook.level);
  if (!answer.allow || device === null) {
    const [first] = answer.reasons;
    const text = answer.reasons.map((reason) => reason.text).join(' ');
    return refused(first?.code ?? 'unknown-device', text, row);
  }
  return { answer: { allow: true, data: dataOf(device) }, row };
}

async function find(context: Context, identifier: string): Promise<DeviceRow | undefined> {
  try {
    return await findDeviceByIdentifier(context.store.db, canonicalIdentifier(identifier));
  } catch (error) {
    if (error instanceof IdentifierFault) return undefined;
    throw error;
  }
}

const dataOf = ({ id, permanentIdentifier, name, owner, ownership, shared, assurance }: Device) => ({
  id,
  permanentIdentifier,
  name,
  owner: owner?.email ?? null,
  ownership,
  shared,
  assurance: assurance.level,
});
