import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { AttestationError, alternativeNamesOf, parseCertificate } from '../../attestation/index.ts';
import { AccessAnswer, AccessByCertificate, AccessQuery } from '../../contract/index.ts';
import { ServerError } from '../error.ts';
import { type App, type Context, READERS } from '../http/context.ts';
import { deviceByReference, IdentifierFault } from '../inventory/identifiers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { accessOf } from './access.ts';

/** The question of gateways and certificate authorities: may this device? Answered from the facts as they are now, never cached. */
export async function accessRoutes(app: App, context: Context): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { db } = context.store;
  const config = { access: { kind: 'administrator', roles: READERS, scope: 'access:read' } } as const;
  const tags = ['access'];

  const find = async (reference: string): Promise<DeviceRow | undefined> => {
    try {
      return await deviceByReference(db, reference);
    } catch (error) {
      if (error instanceof IdentifierFault) return undefined;
      throw error;
    }
  };
  const answer = async (references: readonly string[], level: AccessAnswer['level']): Promise<AccessAnswer> => {
    // A certificate that names two devices speaks for neither.
    const row = references.length === 1 && references[0] !== undefined ? await find(references[0]) : undefined;
    return (await accessOf(context, row, level)).answer;
  };

  routes.get(
    '/api/v1/access',
    {
      config,
      schema: { tags, summary: 'May this device?', querystring: AccessQuery, response: { 200: AccessAnswer } },
    },
    async (request) => answer([request.query.device], request.query.level),
  );

  routes.post(
    '/api/v1/access',
    {
      config,
      schema: {
        tags,
        summary: 'May the device of this verified client certificate?',
        body: AccessByCertificate,
        response: { 200: AccessAnswer },
      },
    },
    async (request) => answer(identifiersOf(Buffer.from(request.body.certificate, 'base64')), request.body.level),
  );
}

/** The PermanentIdentifiers (RFC 4043) in the certificate's subject alternative name. */
function identifiersOf(der: Uint8Array): readonly string[] {
  try {
    return alternativeNamesOf(parseCertificate(new Uint8Array(der), { lenient: true }))?.permanentIdentifiers ?? [];
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new ServerError('invalid-request', 'The certificate cannot be read.', { cause });
  }
}
