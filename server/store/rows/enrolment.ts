import type { EkClass, Source } from '../../../contract/index.ts';

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
  /** The enrolled device that activates another endorsement key of its TPM; null for an enrolment. */
  device_id: string | null;
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
