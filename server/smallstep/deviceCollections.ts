import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { createProvisioningToken } from '../store/provisioningTokens.ts';
import { NewEnrollmentToken, parseBody, parseSlug } from './bodies.ts';
import type { RouteTable } from './call.ts';
import { identifierOf } from './deviceReference.ts';
import { decodeIdentifier } from './path.ts';
import { refuseSmallstep } from './refusal.ts';

const VERSIONS = ['2023-11-01'] as const;
const TOKEN_DAYS = 7;

const NOT_HERE =
  'A device collection makes certificate authorities and webhooks at Smallstep; Muster has none of these. Import devices into the collection "default" instead.';

/**
 * Device collections configure Smallstep's own authorities and mean nothing here: reading one finds none, and making one is refused with
 * the reason. The enrolment token of a device is served for the collection `default`: a provisioning token for that identifier.
 */
export const deviceCollectionRoutes: RouteTable = [
  {
    method: 'GET',
    url: '/device-collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'devices:read',
    handler: async (call) => {
      parseSlug(call.param('collectionSlug'));
      return refuseSmallstep(404, NOT_HERE);
    },
  },
  {
    method: 'PUT',
    url: '/device-collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'settings:write',
    handler: async (call) => {
      parseSlug(call.param('collectionSlug'));
      return refuseSmallstep(409, NOT_HERE);
    },
  },
  {
    method: 'DELETE',
    url: '/device-collections/:collectionSlug',
    versions: VERSIONS,
    scope: 'settings:write',
    handler: async (call) => {
      parseSlug(call.param('collectionSlug'));
      return refuseSmallstep(422, NOT_HERE);
    },
  },
  {
    method: 'POST',
    url: '/device-collections/:collectionSlug/:instanceID/enrollment-token',
    versions: VERSIONS,
    scope: 'people:write',
    handler: async (call) => {
      if (parseSlug(call.param('collectionSlug')) !== 'default') return refuseSmallstep(404, NOT_HERE);
      const { title } = parseBody(NewEnrollmentToken, call.request.body ?? {});
      const identifier = identifierOf(
        canonicalIdentifier,
        decodeIdentifier(encodeURIComponent(call.param('instanceID'))),
      );
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
