import type { Source } from '../../../contract/index.ts';

export interface CollectionRow {
  slug: string;
  display_name: string;
  schema_uri: string | null;
  /** Kept in step with the instances; of `default`, with the devices that are neither candidates nor removed. */
  instance_count: number;
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

/** A certificate authority that asks before it issues; `id` and the secret (sealed) are its own. */
export interface CaWebhookRow {
  id: string;
  name: string;
  level: 'normal' | 'high';
  secret: string;
  created_by: string;
  created_at: number;
  updated_at: number;
  last_used_at: number | null;
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
