import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AppleAttestationRequest,
  Device,
  EkClass,
  Evidence,
  EvidenceList,
  type EvidenceSummary,
  EvidenceVerification,
  Id,
} from '../../contract/index.ts';
import { submitAppleAttestation } from '../enrollment/apple.ts';
import { verifyEvidence } from '../enrollment/verifyEvidence.ts';
import { refuse } from '../error.ts';
import { type App, actorOf, type Context, DECIDERS, READERS } from '../http/context.ts';
import type { EvidenceRow } from '../store/schema.ts';
import { etagOf } from './deviceRoutes.ts';
import { certificatesOf } from './evidenceCertificates.ts';
import { viewsOf } from './view.ts';

const ById = z.object({ id: Id });
const NEWEST = 100;

export function summaryOf(row: EvidenceRow): EvidenceSummary {
  return {
    id: row.id,
    deviceId: row.device_id,
    kind: row.kind,
    purpose: row.purpose,
    outcome: row.outcome,
    verdict: JSON.parse(row.verdict) as Record<string, unknown>,
    createdAt: new Date(row.created_at).toISOString(),
  };
}

/** Judges one stored attestation again; the class of then stands beside that of now. */
export async function verificationOf(
  context: Pick<Context, 'roots' | 'issuers' | 'appleRoots'>,
  row: EvidenceRow,
): Promise<EvidenceVerification> {
  const { issuers, appleRoots } = context;
  const rules = { trust: await context.roots.trust(), issuers, appleRoots };
  const { outcome, code, ekClass, reasons } = verifyEvidence(row, rules);
  const then = EkClass.safeParse((JSON.parse(row.verdict) as { ekClass?: unknown }).ekClass);
  const ekClassThen = then.success ? then.data : null;
  return { id: row.id, deviceId: row.device_id, stored: row.outcome, outcome, code, ekClassThen, ekClass, reasons };
}

/** The evidence behind a device, and Apple's word submitted as such. */
export async function evidenceRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { db } = context.store;
  const config = { access: { kind: 'administrator', roles: READERS, scope: 'devices:read' } } as const;
  const tags = ['evidence'];
  const find = async (id: string): Promise<EvidenceRow> =>
    (await db.selectFrom('evidence').selectAll().where('id', '=', id).executeTakeFirst()) ?? refuse('not-found');

  routes.get(
    '/api/v1/devices/:id/evidence',
    {
      config,
      schema: {
        tags,
        summary: 'The attestations of a device, newest first',
        params: ById,
        response: { 200: EvidenceList },
      },
    },
    async (request) => {
      const rows = await db
        .selectFrom('evidence')
        .selectAll()
        .where('device_id', '=', request.params.id)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(NEWEST)
        .execute();
      return { evidence: rows.map(summaryOf) };
    },
  );

  routes.get(
    '/api/v1/evidence/:id',
    { config, schema: { tags, summary: 'One attestation with its bytes', params: ById, response: { 200: Evidence } } },
    async (request) => {
      const row = await find(request.params.id);
      return {
        ...summaryOf(row),
        bytes: JSON.parse(row.bytes) as Record<string, unknown>,
        certificates: certificatesOf(row),
      };
    },
  );

  routes.post(
    '/api/v1/evidence/:id/verification',
    {
      config,
      schema: {
        tags,
        summary: "Judge it again by today's rules",
        params: ById,
        response: { 200: EvidenceVerification },
      },
    },
    async (request) => verificationOf(context, await find(request.params.id)),
  );

  routes.post(
    '/api/v1/attestations/apple',
    {
      config: { access: { kind: 'administrator', roles: DECIDERS, scope: 'devices:write' } },
      schema: {
        tags,
        summary: "Submit Apple's attestation of a device",
        body: AppleAttestationRequest,
        response: { 200: Device },
      },
    },
    async (request, reply) => {
      const row = await submitAppleAttestation(context, request.body, {
        actor: actorOf(request),
        requestId: request.id,
      });
      const viewer = { settings: await context.settings(), demo: context.demo, now: context.now() };
      const [device] = await viewsOf(db, [row], viewer);
      reply.header('etag', etagOf(row.version));
      return device ?? refuse('not-found');
    },
  );
}
