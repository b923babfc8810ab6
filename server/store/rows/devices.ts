import type { Approval, EkClass, Lifecycle, Source } from '../../../contract/index.ts';

export interface DeviceRow {
  id: string;
  /** Rises with each record: the order in which they came. */
  number: number;
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
  /** `api` where the compatible API removed an active device: the same API may bring it back. */
  removed_by: 'api' | null;
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
  /** JSON array of the explicit layer's tags. */
  tags: string;
  version: number;
  created_at: number;
  updated_at: number;
  enrolled_at: number | null;
  last_seen_at: number | null;
}

/** A name that a record holds: nobody else can have it. */
export interface IdentifierRow {
  identifier: string;
  device_id: string;
  kind: 'permanent' | 'alias';
  created_at: number;
  /** The evidence that an alias is of the same TPM; null where an administrator joined two records. */
  evidence_id: string | null;
}

export interface EvidenceRow {
  id: string;
  device_id: string;
  kind: 'tpm' | 'claim' | 'apple';
  purpose: 'enrol' | 'reattest' | 'alias';
  outcome: 'valid' | 'failed';
  bytes: string;
  verdict: string;
  created_at: number;
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
  /** `dismissed`: replaced, still signing, and an administrator said that this is no claim on the device. */
  revoked_reason: 'replaced' | 'dismissed' | 'unenrolled' | 'forgotten' | null;
  /** Requests signed with it after it was replaced, as far as they were counted. */
  refused: number | null;
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

/** `layer` is `explicit` or the id of an MDM connection; `fields` a JSON object of the values that it alone supplies. */
export interface DeviceLayerRow {
  device_id: string;
  layer: string;
  /** Of the MDM; null for the explicit layer. */
  source: Source | null;
  fields: string;
  created_at: number;
  updated_at: number;
}
