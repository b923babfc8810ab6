import type { Approval, EkClass, Lifecycle, Source } from '../../contract/index.ts';

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
  identifiers: { identifier: string; device_id: string; kind: 'permanent' | 'alias'; created_at: number };
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
  mdm_connections: MdmConnectionRow;
  mdm_rows: MdmRow;
  nonces: { scope: string; nonce: string; expires_at: number };
}

/** `issuer` and `subject` are null until the person signed in for the first time; a person is that pair, never an address. */
export interface UserRow {
  id: string;
  issuer: string | null;
  subject: string | null;
  email: string;
  email_lower: string;
  display_name: string | null;
  role: string | null;
  active: number;
  created_at: number;
  last_sign_in_at: number | null;
}

export interface DeviceRow {
  id: string;
  permanent_identifier: string;
  /** Where this row is a candidate: the record that holds the same identifier with a better claim. */
  candidate_of: string | null;
  /** 1 where hardware proved the identifier or an administrator's system named it; 0 for a mere claim. */
  asserted: number;
  name: string;
  serial: string | null;
  os: string | null;
  os_version: string | null;
  machine: string | null;
  source: Source;
  owner_id: string | null;
  shared: number;
  ownership: 'company' | 'personal' | null;
  approval: Approval;
  approval_reason: string | null;
  decided_by: string | null;
  decided_at: number | null;
  requested_by: string | null;
  lifecycle: Lifecycle;
  /** Outcome of the latest attestation; `stale` is derived from `attested_at`, never stored. */
  attestation: 'none' | 'valid' | 'failed';
  attested_at: number | null;
  evidence_id: string | null;
  ek_class: EkClass;
  ek_certificate: 'verified' | 'unverified' | 'absent';
  ak_name: string | null;
  secure_boot: 'on' | 'off' | 'unknown';
  protection: string | null;
  ceremony_code: string | null;
  search: string;
  version: number;
  created_at: number;
  updated_at: number;
  enrolled_at: number | null;
  last_seen_at: number | null;
}

export interface EvidenceRow {
  id: string;
  device_id: string;
  kind: 'tpm' | 'claim' | 'apple';
  purpose: 'enrol' | 'reattest';
  outcome: 'valid' | 'failed';
  bytes: string;
  verdict: string;
  created_at: number;
}

export interface CeremonyRow {
  id: string;
  code: string;
  permanent_identifier: string;
  device_name: string;
  os: string;
  key_thumbprint: string;
  state: 'announced' | 'confirmed' | 'refused' | 'enrolled';
  user_id: string | null;
  invite_id: string | null;
  oidc_grant_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface GrantRow {
  id: string;
  hash: string;
  ceremony_id: string;
  key_thumbprint: string;
  permanent_identifier: string;
  user_id: string | null;
  invite_id: string | null;
  provisioning_token_id: string | null;
  source: Source;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  revoked_at: number | null;
}

/** An open credential activation, found by the hash of its secret: the protocol has no other correlator. */
export interface ActivationRow {
  secret_hash: string;
  permanent_identifier: string;
  ak_name: string;
  grant_id: string | null;
  facts: string;
  created_at: number;
  expires_at: number;
}

export interface AkCertificateRow {
  /** SHA-256 of the DER, base64url. */
  certificate_sha256: string;
  ak_name: string;
  permanent_identifier: string;
  grant_id: string | null;
  chain: string;
  ek_class: EkClass;
  facts: string;
  issued_at: number;
  expires_at: number;
  revoked_at: number | null;
}

export interface ChallengeRow {
  hash: string;
  purpose: 'enrol' | 'reattest';
  grant_id: string | null;
  device_id: string | null;
  pcrs: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface DeviceKeyRow {
  thumbprint: string;
  device_id: string;
  spki: string;
  key_name: string | null;
  ak_name: string | null;
  grant_thumbprint: string;
  created_at: number;
  revoked_at: number | null;
  revoked_reason: 'replaced' | 'unenrolled' | 'forgotten' | null;
}

export interface TokenRow {
  id: string;
  hash: string;
  name: string;
  scopes: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface InviteRow {
  id: string;
  hash: string;
  email: string;
  email_lower: string;
  created_by: string;
  created_at: number;
  expires_at: number;
  opened_at: number | null;
  used_at: number | null;
  revoked_at: number | null;
  device_id: string | null;
}

export interface ProvisioningTokenRow {
  id: string;
  hash: string;
  name: string;
  created_by: string;
  created_at: number;
  expires_at: number;
  max_uses: number | null;
  uses: number;
  /** JSON array of permanent identifiers, or null for any. */
  identifiers: string | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface SessionRow {
  hash: string;
  user_id: string;
  created_at: number;
  seen_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/** One walk to the organization's identity provider, bound to the browser that holds the cookie. */
export interface SignInRow {
  hash: string;
  purpose: string;
  state: string;
  nonce: string;
  verifier: string;
  user_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface AuditRow {
  seq: number;
  id: string;
  at: number;
  actor_type: 'administrator' | 'token' | 'device' | 'person' | 'server';
  actor_id: string | null;
  actor_name: string | null;
  address: string | null;
  action: string;
  subject_type: string;
  subject_id: string | null;
  outcome: 'done' | 'refused';
  code: string | null;
  before: string | null;
  after: string | null;
  request_id: string | null;
  prev_hash: string;
  hash: string;
}

export interface EventRow {
  seq: number;
  type: 'device' | 'deleted';
  device_id: string;
  at: number;
}

export interface ConflictRow {
  id: string;
  device_id: string;
  kind: 'other-owner' | 'old-key' | 'other-record' | 'same-serial';
  claimant_user_id: string | null;
  claimant: string;
  candidate_id: string | null;
  state: 'open' | 'resolved';
  resolution: 'merge' | 'replace' | 'reject' | null;
  resolved_by: string | null;
  resolved_at: number | null;
  created_at: number;
}

export interface ServerKeyRow {
  id: string;
  purpose: string;
  sealed: string;
  public: string;
  certificate: string | null;
  created_at: number;
  retired_at: number | null;
}

export interface TrustedRootRow {
  fingerprint: string;
  certificate: string;
  vendor: string;
  role: 'root' | 'intermediate';
  /** Null where the vendor's own class holds. */
  ek_class: 'hardware' | 'firmware' | 'virtual' | 'software' | null;
  source: 'shipped' | 'administrator' | 'demo';
  created_at: number;
}

export interface OidcRow {
  kind: string;
  id: string;
  payload: string;
  grant_id: string | null;
  user_code: string | null;
  uid: string | null;
  expires_at: number | null;
  consumed_at: number | null;
}

/** `layer` is `explicit` or the source of an MDM; `fields` a JSON object of the values that it alone supplies. */
export interface DeviceLayerRow {
  device_id: string;
  layer: 'explicit' | Source;
  fields: string;
  created_at: number;
  updated_at: number;
}

export interface CollectionRow {
  slug: string;
  display_name: string;
  schema_uri: string | null;
  created_at: number;
  updated_at: number;
}

/** Instances of every collection but `default`, whose instances are the devices. */
export interface CollectionInstanceRow {
  slug: string;
  id: string;
  data: string;
  created_at: number;
  updated_at: number;
}

export interface MdmConnectionRow {
  id: string;
  source: Source;
  name: string;
  provider: string;
  settings: string;
  enabled: number;
  /** Number of the full sweep that runs, or ran last. */
  sweep: number;
  /** Where the provider goes on after a crash; null where nothing is under way. */
  checkpoint: string | null;
  full_sync_at: number | null;
  sync_at: number | null;
  last_error: string | null;
  lease_owner: string | null;
  lease_until: number | null;
  created_at: number;
}

export interface MdmRow {
  connection_id: string;
  external_id: string;
  /** Null where the MDM names no serial number, or a tombstone keeps the device out. */
  device_id: string | null;
  serial: string | null;
  fields: string;
  raw: string;
  outcome: 'merged' | 'added' | 'tombstone' | 'no-identifier' | 'not-allowed' | 'missing';
  seen_sweep: number;
  missing_sweeps: number;
  created_at: number;
  updated_at: number;
}
