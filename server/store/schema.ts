import type {
  ConflictRow,
  DeviceKeyRow,
  DeviceLayerRow,
  DeviceRow,
  EvidenceRow,
  IdentifierRow,
} from './rows/devices.ts';
import type { ActivationRow, AkCertificateRow, CeremonyRow, ChallengeRow, GrantRow } from './rows/enrolment.ts';
import type { CaWebhookRow, CollectionInstanceRow, CollectionRow, MdmConnectionRow, MdmRow } from './rows/inventory.ts';
import type { InviteRow, ProvisioningTokenRow, SessionRow, SignInRow, TokenRow, UserRow } from './rows/people.ts';
import type { AuditRow, EventRow, OidcRow, ServerKeyRow, TrustedRootRow } from './rows/server.ts';

/**
 * The tables, in the subset that SQLite and PostgreSQL share: text and integers. Times are epoch milliseconds, booleans 0 or 1,
 * structured values JSON text, bytes standard base64, keys client-made UUIDv7. Secrets are stored as SHA-256 (base64url) only.
 */
export interface Tables {
  meta: { key: string; value: string };
  counters: { name: string; value: number };
  settings: { key: string; value: string; updated_at: number };
  users: UserRow;
  devices: DeviceRow;
  identifiers: IdentifierRow;
  evidence: EvidenceRow;
  ceremonies: CeremonyRow;
  grants: GrantRow;
  activations: ActivationRow;
  ak_certificates: AkCertificateRow;
  challenges: ChallengeRow;
  device_keys: DeviceKeyRow;
  tokens: TokenRow;
  invites: InviteRow;
  provisioning_tokens: ProvisioningTokenRow;
  sessions: SessionRow;
  sign_ins: SignInRow;
  audit: AuditRow;
  events: EventRow;
  conflicts: ConflictRow;
  server_keys: ServerKeyRow;
  trusted_roots: TrustedRootRow;
  oidc_rows: OidcRow;
  device_layers: DeviceLayerRow;
  collections: CollectionRow;
  collection_instances: CollectionInstanceRow;
  ca_webhooks: CaWebhookRow;
  mdm_connections: MdmConnectionRow;
  mdm_rows: MdmRow;
  nonces: { scope: string; nonce: string; expires_at: number };
}

export type {
  ConflictRow,
  DeviceKeyRow,
  DeviceLayerRow,
  DeviceRow,
  EvidenceRow,
  IdentifierRow,
} from './rows/devices.ts';
export type { ActivationRow, AkCertificateRow, CeremonyRow, ChallengeRow, GrantRow } from './rows/enrolment.ts';
export type {
  CaWebhookRow,
  CollectionInstanceRow,
  CollectionRow,
  MdmConnectionRow,
  MdmRow,
} from './rows/inventory.ts';
export type { InviteRow, ProvisioningTokenRow, SessionRow, SignInRow, TokenRow, UserRow } from './rows/people.ts';
export type { AuditRow, EventRow, OidcRow, ServerKeyRow, TrustedRootRow } from './rows/server.ts';
