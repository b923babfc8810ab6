import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AttestationError,
  basicConstraintsOf,
  createTrustStore,
  describeName,
  parseCertificate,
  type VendorRoot,
} from '../../attestation/index.ts';
import {
  RootFingerprint,
  RootTrust,
  RootTrustChanged,
  TrustedRoot,
  TrustedRootList,
  TrustedRootRequest,
} from '../../contract/index.ts';
import { refuse, ServerError } from '../error.ts';
import { type App, actorOf, type Context, OWNERS, READERS } from '../http/context.ts';
import { audit } from '../store/audit.ts';
import type { TrustedRootRow } from '../store/schema.ts';
import { createJudging } from './judging.ts';
import { beginJudging, judgeSome } from './rejudge.ts';
import { fingerprintOf, storeRoot } from './roots.ts';

const ByFingerprint = z.object({ fingerprint: RootFingerprint });
const MOST = 2000;
/** Devices that are looked at while the request waits; the others are judged while nobody does. */
const AT_ONCE = 2000;

function rootOf(row: TrustedRootRow): TrustedRoot {
  const certificate = parseCertificate(new Uint8Array(Buffer.from(row.certificate, 'base64')), { lenient: true });
  return {
    fingerprint: row.fingerprint,
    vendor: row.vendor,
    subject: describeName(certificate.subject),
    role: row.role,
    ekClass: row.ek_class,
    source: row.source,
    trusted: row.distrusted_at === null,
    notAfter: certificate.notAfter.toISOString(),
    createdAt: new Date(row.created_at).toISOString(),
  };
}

/** Whose TPMs count: the makers' certificates, those that an owner adds, and those that an owner trusts no longer. */
export async function rootRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, now } = context;
  const rest = createJudging(context, app.log);
  app.addHook('onReady', async () => rest.run({ actor: { type: 'server', id: null, name: 'roots' }, requestId: null }));
  const tags = ['roots'];
  const read = { access: { kind: 'administrator', roles: READERS, scope: 'settings:read' } } as const;
  const write = { access: { kind: 'administrator', roles: OWNERS, scope: 'settings:write' } } as const;
  const find = async (fingerprint: string): Promise<TrustedRootRow> =>
    (await store.db
      .selectFrom('trusted_roots')
      .selectAll()
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirst()) ?? refuse('not-found');

  routes.get(
    '/api/v1/roots',
    {
      config: read,
      schema: { tags, summary: 'Certificates of TPM makers, by vendor', response: { 200: TrustedRootList } },
    },
    async () => {
      const query = store.db.selectFrom('trusted_roots').selectAll().orderBy('vendor').orderBy('fingerprint');
      return { roots: (await query.limit(MOST).execute()).map(rootOf) };
    },
  );

  routes.post(
    '/api/v1/roots',
    {
      config: write,
      schema: { tags, summary: 'Trust a maker', body: TrustedRootRequest, response: { 201: TrustedRoot } },
    },
    async (request, reply) => {
      const { vendor, role, ekClass } = request.body;
      const certificate = new Uint8Array(Buffer.from(request.body.certificate, 'base64'));
      checkReadable(certificate, { vendor, role, ekClass });
      const fingerprint = fingerprintOf(certificate);
      await store.write(async (trx) => {
        const { count } = await trx
          .selectFrom('trusted_roots')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow();
        if (Number(count) >= MOST) refuse('already-exists', `A team knows at most ${MOST} certificates of makers.`);
        const known = await trx
          .selectFrom('trusted_roots')
          .select('fingerprint')
          .where('fingerprint', '=', fingerprint)
          .executeTakeFirst();
        if (known) refuse('already-exists', 'This certificate is known already; its trust can be changed.');
        await storeRoot(trx, now(), { certificate, vendor, role, ek_class: ekClass, source: 'administrator' });
        await audit(trx, now(), {
          actor: actorOf(request),
          action: 'roots.added',
          subject: { type: 'roots', id: fingerprint },
          after: { vendor, role, ekClass },
          requestId: request.id,
        });
      });
      context.roots.changed();
      return reply.code(201).send(rootOf(await find(fingerprint)));
    },
  );

  routes.put(
    '/api/v1/roots/:fingerprint/trust',
    {
      config: write,
      schema: {
        tags,
        summary: 'Trust a certificate no longer, or again; what rests on it is judged anew',
        params: ByFingerprint,
        body: RootTrust,
        response: { 200: RootTrustChanged },
      },
    },
    async (request) => {
      const { fingerprint } = request.params;
      const { trusted } = request.body;
      const before = await find(fingerprint);
      if ((before.distrusted_at === null) === trusted)
        return { root: rootOf(before), devices: 0, done: before.judge_after === null };
      const by = { actor: actorOf(request), requestId: request.id };
      await store.write(async (trx) => {
        await trx
          .updateTable('trusted_roots')
          .set({ distrusted_at: trusted ? null : now() })
          .where('fingerprint', '=', fingerprint)
          .execute();
        await audit(trx, now(), {
          ...by,
          action: trusted ? 'roots.trusted' : 'roots.distrusted',
          subject: { type: 'roots', id: fingerprint },
          before: { trusted: !trusted },
          after: { trusted, vendor: before.vendor },
        });
        await beginJudging(trx, now(), before);
        // Here already: who reads them now waits for this change, and judges nothing by the former ones in its name.
        context.roots.changed();
      });
      context.roots.changed();
      const judged = await judgeSome(context, before, by, AT_ONCE);
      if (!judged.done) rest.run(by);
      return { root: rootOf(await find(fingerprint)), ...judged };
    },
  );
}

/** One that cannot be used as what it is said to be would end every later attestation. Error: `invalid-request`. */
function checkReadable(
  certificate: Uint8Array,
  as: { vendor: string; role: TrustedRootRow['role']; ekClass: TrustedRootRow['ek_class'] },
): void {
  try {
    if (!basicConstraintsOf(parseCertificate(certificate, { lenient: true }))?.ca) {
      refuse('invalid-request', 'This certificate is not one of an authority.');
    }
    const root: VendorRoot = { certificate, vendor: as.vendor, source: 'administrator' };
    const roots = as.ekClass === null ? [root] : [{ ...root, class: as.ekClass }];
    createTrustStore(as.role === 'root' ? { roots } : { roots: [], intermediates: [certificate] });
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new ServerError('invalid-request', `This is no certificate of a maker: ${cause.message}`, { cause });
  }
}
