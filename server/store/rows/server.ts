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
  /** When an owner ended the trust in it; null while it is trusted. */
  distrusted_at: number | null;
  /** Where the judging of devices stands since that trust changed: which change, a blank, the last device's id; null where it is through. */
  judge_after: string | null;
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
