import { createHash, X509Certificate } from 'node:crypto';
import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { audit } from '../store/audit.ts';
import { createProvisioningToken } from '../store/provisioningTokens.ts';
import { DeviceCollectionRequest, NewEnrollmentToken, parseBody, parseSlug } from './bodies.ts';
import type { Call, RouteTable } from './call.ts';
import { DEFAULT_SLUG } from './defaultCollection.ts';
import { identifierOf } from './deviceReference.ts';
import { findCollection } from './ordinaryCollection.ts';
import { middleOfPath } from './path.ts';
import { refuseSmallstep } from './refusal.ts';

const VERSIONS = ['2023-11-01'] as const;
const TOKEN_DAYS = 7;
const URL = '/device-collections/:collectionSlug';

const ONE_ONLY =
  'There is one device collection here, "default": the device inventory. Name that one, and tell groups of devices apart by their tags.';

/**
 * The device inventory as the one device collection. Its authority and its attestation roots are this server's own; it issues no client
 * certificates, so what configures an ACME provisioner belongs to the authority that does.
 */
async function inventoryOf(call: Call): Promise<Record<string, unknown>> {
  const row = await findCollection(call.context.store.db, DEFAULT_SLUG);
  const { root } = call.context.issuers.trusted;
  return {
    slug: DEFAULT_SLUG,
    displayName: row?.display_name ?? DEFAULT_SLUG,
    deviceType: 'tpm',
    deviceTypeConfiguration: { attestorRoots: new X509Certificate(root).toString(), forceCN: false, requireEAB: false },
    authorityID: uuidOf(root),
  };
}

/** A UUIDv8 that follows from the authority's certificate. */
function uuidOf(certificate: Uint8Array): string {
  const hex = createHash('sha256').update(certificate).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Device collections as far as they are real here: the inventory is one, of the type `tpm`, which a script may read and name. It is never
 * deleted, and others are refused with the reason. The enrolment token of a device is a provisioning token for that identifier.
 */
export const deviceCollectionRoutes: RouteTable = [
  {
    method: 'GET',
    url: URL,
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => {
      if (parseSlug(call.param('collectionSlug')) !== DEFAULT_SLUG) return refuseSmallstep(404, ONE_ONLY);
      return { body: await inventoryOf(call) };
    },
  },
  {
    method: 'PUT',
    url: URL,
    versions: VERSIONS,
    scope: 'settings:write',
    handler: async (call) => {
      const slug = parseSlug(call.param('collectionSlug'));
      const asked = parseBody(DeviceCollectionRequest, call.request.body);
      if (slug !== DEFAULT_SLUG) return refuseSmallstep(409, ONE_ONLY);
      if (asked.deviceType !== 'tpm') {
        return refuseSmallstep(
          409,
          'The inventory holds devices that their TPM or Apple names: its deviceType is "tpm", and cannot be changed.',
        );
      }
      const { forceCN, requireEAB } = asked.deviceTypeConfiguration;
      if (forceCN || requireEAB) {
        return refuseSmallstep(
          409,
          'No client certificates are issued here: set forceCN and requireEAB at the authority that issues them.',
        );
      }
      await call.write(async (trx) => {
        const known = await findCollection(trx, slug);
        if (known?.display_name === asked.displayName) return;
        const change = { display_name: asked.displayName, updated_at: call.context.now() };
        await trx.updateTable('collections').set(change).where('slug', '=', slug).execute();
        await audit(trx, call.context.now(), {
          ...call.by,
          action: 'collection.updated',
          subject: { type: 'collection', id: slug },
          before: { displayName: known?.display_name ?? null },
          after: { displayName: asked.displayName },
        });
      });
      return { body: await inventoryOf(call) };
    },
  },
  {
    method: 'DELETE',
    url: URL,
    versions: VERSIONS,
    scope: 'settings:write',
    handler: async (call) => {
      // What is not there is deleted already: the documents list no 404.
      if (parseSlug(call.param('collectionSlug')) !== DEFAULT_SLUG) return { status: 204 };
      return refuseSmallstep(
        422,
        'The device inventory itself is not deleted, with purge neither: delete its devices one by one.',
      );
    },
  },
  {
    method: 'POST',
    // The identifier of an EK may come with bare slashes, so the path is taken apart by its ends.
    url: `${URL}/*`,
    versions: VERSIONS,
    scope: 'people:write',
    handler: async (call) => {
      const instance = middleOfPath(call.url, 'device-collections', 'enrollment-token');
      if (instance === null) return refuseSmallstep(404, 'There is nothing at this address.');
      if (parseSlug(call.param('collectionSlug')) !== DEFAULT_SLUG) return refuseSmallstep(404, ONE_ONLY);
      const { title } = parseBody(NewEnrollmentToken, call.request.body ?? {});
      const identifier = identifierOf(canonicalIdentifier, instance);
      const { sources } = await call.context.settings();
      if (!sources['Smallstep Agent'].allowed) {
        return refuseSmallstep(
          412,
          'The policy of this team does not let devices in by a token. Allow the source "Smallstep Agent" first.',
        );
      }
      const name = title ?? `Enrolment token for ${identifier}`;
      const now = call.context.now();
      const { row, secret } = await call.write((trx) =>
        createProvisioningToken(trx, now, {
          name,
          identifiers: [identifier],
          maxUses: 1,
          expiresAt: now + TOKEN_DAYS * 86_400_000,
          ...call.by,
        }),
      );
      return { status: 201, body: { id: row.id, title: name, secret } };
    },
  },
];
