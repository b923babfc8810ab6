import type {} from '@fastify/cookie';
import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import type { Role, Scope, TeamSettings } from '../../contract/index.ts';
import type { IssuingAuthorities } from '../attestation/issuers.ts';
import type { Roots } from '../attestation/roots.ts';
import type { EventHub } from '../events/hub.ts';
import type { SyncReport } from '../mdm/sync.ts';
import type { Upstream } from '../oidc/upstream.ts';
import type { ApiVersion } from '../smallstep/version.ts';
import type { DeviceKeyRow, DeviceRow, GrantRow, UserRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** What every capability of the server works with; made once by createServer and handed to each plugin. */
export type Context = {
  store: Store;
  /** Public origin, such as `https://inventory.example`; every signature and redirect is checked against it. */
  origin: string;
  demo: boolean;
  version: string;
  now: () => number;
  settings: () => Promise<TeamSettings>;
  hub: EventHub;
  issuers: IssuingAuthorities;
  roots: Roots;
  /** Roots of Apple's attestations (DER); Apple's own where undefined. */
  appleRoots: readonly Uint8Array[] | undefined;
  /** The organization's identity provider, where one is connected. */
  upstream: Upstream | null;
  provider: Provider;
  /** Every route that was registered, with who may call it. */
  routes: { method: string; url: string; access: Access }[];
  /** Seals a secret at rest under the key-encryption key, for the place that `purpose` names, and opens it there. */
  seal: (purpose: string, plain: Uint8Array) => string;
  unseal: (purpose: string, sealed: string) => Uint8Array;
  /** Syncs the connected MDMs that are due, or the named one. */
  syncMdm: (options: { only?: string; full?: boolean }) => Promise<{ connection: string; report: SyncReport }[]>;
  /** Calls back when the server closes; returns the way to take that back. */
  onClose: (listener: () => void) => () => void;
  /** HMAC key of list cursors. */
  cursorKey: Uint8Array;
};

/** Who a request comes from, after the route's access rule was met. */
export type Principal =
  | { kind: 'anonymous' }
  | { kind: 'administrator'; user: UserRow; role: Role; sessionHash: string; expiresAt: number }
  | { kind: 'token'; id: string; name: string; scopes: Scope[] }
  | { kind: 'device'; device: DeviceRow; key: DeviceKeyRow }
  | { kind: 'grant'; grant: GrantRow; thumbprint: string };

/** The one place where a route says who may call it; a route without it does not register. */
export type Access =
  /** Anyone. `perMinute` bounds what one address may do; `credential` names what the handler itself checks, over the body. */
  | { kind: 'public'; perMinute: number; credential?: 'webhook' }
  /** A console session in one of the roles, or an API token with the scope; null keeps tokens out. */
  | { kind: 'administrator'; roles: readonly Role[]; scope: Scope | null }
  /** A request signed by a device's own key (RFC 9421). `perMinute` bounds what one device may do here. */
  | { kind: 'device'; perMinute?: number }
  /** A grant bound to a key (RFC 9449); `otherwise` lets anyone through as anonymous, or a device that signs for itself. */
  | { kind: 'grant'; otherwise?: 'anonymous' | 'device'; perMinute: number };

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** Versions of the compatible API that have the route. */
    smallstepVersions?: readonly ApiVersion[];
  }
  interface FastifyRequest {
    principal: Principal;
    /** The body as it came, where the route parses one. */
    rawBody: Buffer | null;
  }
}

export const READERS: readonly Role[] = ['owner', 'approver', 'auditor'];
export const DECIDERS: readonly Role[] = ['owner', 'approver'];
export const OWNERS: readonly Role[] = ['owner'];

export type App = FastifyInstance;

/** The audit actor behind a request. */
export function actorOf(request: FastifyRequest) {
  const address = request.ip;
  const principal = request.principal;
  switch (principal.kind) {
    case 'administrator':
      return { type: 'administrator', id: principal.user.id, name: principal.user.email, address } as const;
    case 'token':
      return { type: 'token', id: principal.id, name: principal.name, address } as const;
    case 'device':
      return { type: 'device', id: principal.device.id, name: principal.device.name, address } as const;
    case 'grant':
      return { type: 'person', id: principal.grant.user_id, name: null, address } as const;
    case 'anonymous':
      return { type: 'person', id: null, name: null, address } as const;
    default:
      return principal satisfies never;
  }
}
