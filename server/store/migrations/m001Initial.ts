import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Tables } from '../schema.ts';

type Kind = 'text' | 'text?' | 'integer' | 'integer?';
type Db = Kysely<Tables>;

/** Columns by name; `?` allows null. The first column is the primary key unless `key` names others. */
async function table(db: Db, name: string, columns: Record<string, Kind>, key?: string[]): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
  const first = Object.keys(columns)[0];
  for (const [column, kind] of Object.entries(columns)) {
    // PostgreSQL's integer has 32 bits, and times are milliseconds; SQLite takes bigint for its own integer.
    builder = builder.addColumn(column, kind.startsWith('text') ? 'text' : 'bigint', (c) => {
      const nullable = kind.endsWith('?') ? c : c.notNull();
      return key === undefined && column === first ? nullable.primaryKey() : nullable;
    });
  }
  if (key) builder = builder.addPrimaryKeyConstraint(`${name}_pk`, key as [string, ...string[]]);
  await builder.execute();
}

async function index(db: Db, table: string, columns: string[], unique = false): Promise<void> {
  const builder = db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns(columns);
  await (unique ? builder.unique() : builder).execute();
}

export async function up(db: Db): Promise<void> {
  await table(db, 'meta', { key: 'text', value: 'text' });
  await table(db, 'counters', { name: 'text', value: 'integer' });
  await table(db, 'settings', { key: 'text', value: 'text', updated_at: 'integer' });
  await table(db, 'users', {
    id: 'text',
    issuer: 'text?',
    subject: 'text?',
    email: 'text',
    email_lower: 'text',
    display_name: 'text?',
    role: 'text?',
    active: 'integer',
    created_at: 'integer',
    last_sign_in_at: 'integer?',
  });
  await index(db, 'users', ['issuer', 'subject'], true);
  await index(db, 'users', ['email_lower']);

  await table(db, 'devices', {
    id: 'text',
    permanent_identifier: 'text',
    candidate_of: 'text?',
    asserted: 'integer',
    name: 'text',
    serial: 'text?',
    os: 'text?',
    os_version: 'text?',
    machine: 'text?',
    source: 'text',
    owner_id: 'text?',
    shared: 'integer',
    ownership: 'text?',
    approval: 'text',
    approval_reason: 'text?',
    decided_by: 'text?',
    decided_at: 'integer?',
    requested_by: 'text?',
    lifecycle: 'text',
    attestation: 'text',
    attested_at: 'integer?',
    evidence_id: 'text?',
    ek_class: 'text',
    ek_certificate: 'text',
    ak_name: 'text?',
    secure_boot: 'text',
    protection: 'text?',
    ceremony_code: 'text?',
    search: 'text',
    version: 'integer',
    created_at: 'integer',
    updated_at: 'integer',
    enrolled_at: 'integer?',
    last_seen_at: 'integer?',
  });
  await db.schema
    .createIndex('devices_by_identifier')
    .unique()
    .on('devices')
    .column('permanent_identifier')
    .where(sql<boolean>`candidate_of is null`)
    .execute();
  await index(db, 'devices', ['created_at', 'id']);
  await index(db, 'devices', ['approval', 'created_at', 'id']);
  await index(db, 'devices', ['lifecycle', 'created_at', 'id']);
  await index(db, 'devices', ['owner_id', 'created_at', 'id']);
  await index(db, 'devices', ['serial']);
  await index(db, 'devices', ['candidate_of']);

  await table(db, 'identifiers', { identifier: 'text', device_id: 'text', kind: 'text', created_at: 'integer' });
  await index(db, 'identifiers', ['device_id']);
  await table(db, 'evidence', {
    id: 'text',
    device_id: 'text',
    kind: 'text',
    purpose: 'text',
    outcome: 'text',
    bytes: 'text',
    verdict: 'text',
    created_at: 'integer',
  });
  await index(db, 'evidence', ['device_id', 'created_at', 'id']);

  await table(db, 'ceremonies', {
    id: 'text',
    code: 'text',
    permanent_identifier: 'text',
    device_name: 'text',
    os: 'text',
    key_thumbprint: 'text',
    state: 'text',
    user_id: 'text?',
    invite_id: 'text?',
    oidc_grant_id: 'text?',
    created_at: 'integer',
    expires_at: 'integer',
  });
  await index(db, 'ceremonies', ['expires_at']);
  await table(db, 'grants', {
    id: 'text',
    hash: 'text',
    ceremony_id: 'text',
    key_thumbprint: 'text',
    permanent_identifier: 'text',
    user_id: 'text?',
    invite_id: 'text?',
    provisioning_token_id: 'text?',
    source: 'text',
    created_at: 'integer',
    expires_at: 'integer',
    used_at: 'integer?',
    revoked_at: 'integer?',
  });
  await index(db, 'grants', ['hash'], true);
  await index(db, 'grants', ['ceremony_id']);
  await index(db, 'grants', ['expires_at']);
  await table(db, 'activations', {
    secret_hash: 'text',
    permanent_identifier: 'text',
    ak_name: 'text',
    grant_id: 'text?',
    facts: 'text',
    created_at: 'integer',
    expires_at: 'integer',
  });
  await index(db, 'activations', ['permanent_identifier', 'created_at']);
  await index(db, 'activations', ['expires_at']);
  await table(db, 'ak_certificates', {
    certificate_sha256: 'text',
    ak_name: 'text',
    permanent_identifier: 'text',
    grant_id: 'text?',
    chain: 'text',
    ek_class: 'text',
    facts: 'text',
    issued_at: 'integer',
    expires_at: 'integer',
    revoked_at: 'integer?',
  });
  await index(db, 'ak_certificates', ['ak_name', 'issued_at']);
  await table(db, 'challenges', {
    hash: 'text',
    purpose: 'text',
    grant_id: 'text?',
    device_id: 'text?',
    pcrs: 'text',
    created_at: 'integer',
    expires_at: 'integer',
    used_at: 'integer?',
  });
  await index(db, 'challenges', ['expires_at']);
  await table(db, 'device_keys', {
    thumbprint: 'text',
    device_id: 'text',
    spki: 'text',
    key_name: 'text?',
    ak_name: 'text?',
    grant_thumbprint: 'text',
    created_at: 'integer',
    revoked_at: 'integer?',
    revoked_reason: 'text?',
  });
  await index(db, 'device_keys', ['device_id']);

  await table(db, 'tokens', {
    id: 'text',
    hash: 'text',
    name: 'text',
    scopes: 'text',
    created_by: 'text',
    created_at: 'integer',
    expires_at: 'integer?',
    last_used_at: 'integer?',
    revoked_at: 'integer?',
  });
  await index(db, 'tokens', ['hash'], true);
  await table(db, 'invites', {
    id: 'text',
    hash: 'text',
    email: 'text',
    email_lower: 'text',
    created_by: 'text',
    created_at: 'integer',
    expires_at: 'integer',
    opened_at: 'integer?',
    used_at: 'integer?',
    revoked_at: 'integer?',
    device_id: 'text?',
  });
  await index(db, 'invites', ['hash'], true);
  await index(db, 'invites', ['created_at', 'id']);
  await table(db, 'provisioning_tokens', {
    id: 'text',
    hash: 'text',
    name: 'text',
    created_by: 'text',
    created_at: 'integer',
    expires_at: 'integer',
    max_uses: 'integer?',
    uses: 'integer',
    identifiers: 'text?',
    last_used_at: 'integer?',
    revoked_at: 'integer?',
  });
  await index(db, 'provisioning_tokens', ['hash'], true);
  await table(db, 'sessions', {
    hash: 'text',
    user_id: 'text',
    created_at: 'integer',
    seen_at: 'integer',
    expires_at: 'integer',
    revoked_at: 'integer?',
  });
  await index(db, 'sessions', ['user_id']);
  await table(db, 'sign_ins', {
    hash: 'text',
    purpose: 'text',
    state: 'text',
    nonce: 'text',
    verifier: 'text',
    user_id: 'text?',
    created_at: 'integer',
    expires_at: 'integer',
  });
  await index(db, 'sign_ins', ['expires_at']);

  await table(db, 'audit', {
    seq: 'integer',
    id: 'text',
    at: 'integer',
    actor_type: 'text',
    actor_id: 'text?',
    actor_name: 'text?',
    address: 'text?',
    action: 'text',
    subject_type: 'text',
    subject_id: 'text?',
    outcome: 'text',
    code: 'text?',
    before: 'text?',
    after: 'text?',
    request_id: 'text?',
    prev_hash: 'text',
    hash: 'text',
  });
  await index(db, 'audit', ['subject_id', 'seq']);
  await table(db, 'events', { seq: 'integer', type: 'text', device_id: 'text', at: 'integer' });
  await index(db, 'events', ['device_id', 'seq']);
  await table(db, 'conflicts', {
    id: 'text',
    device_id: 'text',
    kind: 'text',
    claimant_user_id: 'text?',
    claimant: 'text',
    candidate_id: 'text?',
    state: 'text',
    resolution: 'text?',
    resolved_by: 'text?',
    resolved_at: 'integer?',
    created_at: 'integer',
  });
  await index(db, 'conflicts', ['device_id', 'state']);
  await index(db, 'conflicts', ['state', 'created_at', 'id']);

  await table(db, 'server_keys', {
    id: 'text',
    purpose: 'text',
    sealed: 'text',
    public: 'text',
    certificate: 'text?',
    created_at: 'integer',
    retired_at: 'integer?',
  });
  await index(db, 'server_keys', ['purpose']);
  await table(db, 'trusted_roots', {
    fingerprint: 'text',
    certificate: 'text',
    vendor: 'text',
    role: 'text',
    ek_class: 'text?',
    source: 'text',
    created_at: 'integer',
  });
  await table(
    db,
    'oidc_rows',
    {
      kind: 'text',
      id: 'text',
      payload: 'text',
      grant_id: 'text?',
      user_code: 'text?',
      uid: 'text?',
      expires_at: 'integer?',
      consumed_at: 'integer?',
    },
    ['kind', 'id'],
  );
  await index(db, 'oidc_rows', ['grant_id']);
  await index(db, 'oidc_rows', ['user_code']);
  await index(db, 'oidc_rows', ['uid']);
  await index(db, 'oidc_rows', ['expires_at']);
  await table(db, 'nonces', { scope: 'text', nonce: 'text', expires_at: 'integer' }, ['scope', 'nonce']);
  await index(db, 'nonces', ['expires_at']);
}
