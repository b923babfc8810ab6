import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Source } from '../../contract/index.ts';
import { DEFAULT_SETTINGS } from '../policy/settings.ts';
import { saveLayer } from '../store/layers.ts';
import type { DeviceRow } from '../store/schema.ts';
import { openStore, type Store } from '../store/store.ts';
import { ensureUserByEmail } from '../store/users.ts';
import { canonicalIdentifier, deviceByReference, IdentifierFault } from './identifiers.ts';
import { importDevice } from './importDevice.ts';
import type { DerivableValues, ExplicitChange } from './layers.ts';
import { refreshDevice } from './refresh.ts';

const NOW = Date.UTC(2026, 0, 2);
const URN = `urn:ek:sha256:${createHash('sha256').update('ek').digest('base64')}`;
const actor = { type: 'token', id: 't', name: 'script' } as const;
let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-import-'));
  store = await openStore(folder, 'production', NOW);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const explicit = (identifier: string, change: ExplicitChange, settings = DEFAULT_SETTINGS) =>
  store.write((trx) =>
    importDevice(trx, NOW, settings, {
      identifier: canonicalIdentifier(identifier),
      source: 'Smallstep API',
      layer: { kind: 'explicit', change },
      actor,
      requestId: null,
    }),
  );
const mdm = (identifier: string, values: DerivableValues, source: Source = 'Jamf') =>
  store.write((trx) =>
    importDevice(trx, NOW + 1, DEFAULT_SETTINGS, {
      identifier,
      source,
      layer: { kind: 'mdm', connection: `connection of ${source}`, values },
      actor,
      requestId: null,
    }),
  );
const device = async (id: string): Promise<DeviceRow> =>
  store.db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const conflicts = () => store.db.selectFrom('conflicts').selectAll().execute();
const set = (id: string, change: Partial<DeviceRow>) =>
  store.db.updateTable('devices').set(change).where('id', '=', id).execute();

async function added(outcome: Promise<{ kind: string; device?: DeviceRow }>): Promise<DeviceRow> {
  const { kind, device: row } = await outcome;
  expect(kind).toMatch(/^(added|merged)$/);
  return row ?? expect.fail();
}

describe('importing by permanent identifier', () => {
  it('approves by policy, binds the owner, and attests nothing', async () => {
    const row = await added(explicit(URN, { email: 'carl@smallstep.com' }));
    expect(row).toMatchObject({ approval: 'approved', attestation: 'none', decided_by: 'policy', asserted: 1 });
    const owner = await store.db.selectFrom('users').selectAll().executeTakeFirstOrThrow();
    expect(owner).toMatchObject({ id: row.owner_id, email: 'carl@smallstep.com', issuer: null });
  });

  it('finds one record under every spelling of an EK URN', async () => {
    const first = await added(explicit(URN, {}));
    const unpadded = URN.replaceAll('+', '-').replaceAll('/', '_').replace(/=$/, '');
    expect((await added(explicit(unpadded, { displayName: 'x' }))).id).toBe(first.id);
    expect((await deviceByReference(store.db, encodeURIComponent(URN)))?.id).toBeUndefined();
    expect((await deviceByReference(store.db, `urn:smallstep:device:permanent-identifier:${URN}`))?.id).toBe(first.id);
  });

  it('writes nothing new, and wakes nobody, where an import says nothing new', async () => {
    const row = await added(explicit(URN, { email: 'carl@smallstep.com' }));
    const events = () => store.db.selectFrom('events').selectAll().execute();
    const before = (await events()).length;
    const again = await added(explicit(URN, { email: 'carl@smallstep.com' }));
    expect(again.version).toBe(row.version);
    expect(await events()).toHaveLength(before);
  });

  it('merges an MDM record with an import of the same serial number, in layers', async () => {
    const row = await added(explicit('C02XK1ZHJGH5', { displayName: 'mine' }));
    const merged = await added(mdm('C02XK1ZHJGH5', { displayName: 'from Jamf', os: 'macOS', email: 'j@example.com' }));
    expect(merged).toMatchObject({ id: row.id, name: 'mine', os: 'macOS', source: 'Smallstep API' });
    const unmasked = await added(explicit('c02xk1zhjgh5', { displayName: null }));
    expect(unmasked.name).toBe('from Jamf');
  });

  it('waits for an owner where policy requires one, and is approved when a later import brings one', async () => {
    const settings = {
      ...DEFAULT_SETTINGS,
      sources: {
        ...DEFAULT_SETTINGS.sources,
        'Smallstep API': { allowed: true, autoApproved: true, userBindingRequired: true },
      },
    };
    const row = await added(explicit(URN, {}, settings));
    expect(row.approval).toBe('pending');
    expect((await added(mdm(URN, { email: 'j@example.com' }))).approval).toBe('approved');
  });

  it('does not approve a device that was reinstalled, however often the same script runs', async () => {
    const row = await added(explicit(URN, { email: 'carl@smallstep.com' }));
    await set(row.id, { approval: 'pending', decided_at: null, decided_by: null, enrolled_at: NOW });
    expect((await added(explicit(URN, { email: 'carl@smallstep.com', displayName: 'new' }))).approval).toBe('pending');
  });
});

describe('what an import never does', () => {
  it('brings back a deleted device', async () => {
    const row = await added(explicit(URN, {}));
    await set(row.id, { lifecycle: 'deleted' });
    for (const outcome of [await explicit(URN, { displayName: 'x' }), await mdm(URN, { displayName: 'y' })]) {
      expect(outcome.kind).toBe('tombstone');
    }
    expect(await device(row.id)).toMatchObject({ lifecycle: 'deleted', name: row.name });
  });

  it('approves a refused device', async () => {
    const row = await added(explicit(URN, {}));
    await set(row.id, { approval: 'refused', decided_at: NOW });
    expect((await added(mdm(URN, { email: 'j@example.com' }))).approval).toBe('refused');
  });

  it('takes a device from the person who enrolled it: that is a conflict', async () => {
    const row = await added(explicit(URN, {}));
    const owner = await store.write((trx) => ensureUserByEmail(trx, NOW, { email: 'first@example.com' }));
    await set(row.id, { owner_id: owner.id, enrolled_at: NOW });
    expect(await explicit(URN, { email: 'second@example.com' })).toMatchObject({ kind: 'other-owner' });
    expect((await device(row.id)).owner_id).toBe(owner.id);
    expect(await conflicts()).toMatchObject([{ kind: 'other-owner', state: 'open', device_id: row.id }]);
    await explicit(URN, { email: 'second@example.com' });
    expect(await conflicts()).toHaveLength(1);
  });

  it('merges with a mere claim of the same serial number: the claim becomes a candidate and keeps its own approval', async () => {
    const claim = await added(explicit('C02XK1ZHJGH5', {}));
    await set(claim.id, { asserted: 0, approval: 'pending', source: 'End-User', enrolled_at: NOW });
    const row = await added(mdm('C02XK1ZHJGH5', { email: 'j@example.com' }));
    expect(row.id).not.toBe(claim.id);
    expect(row.approval).toBe('approved');
    expect(await device(claim.id)).toMatchObject({ candidate_of: row.id, approval: 'pending' });
  });

  it('joins records by a serial number beside the identifier, and approves none that a refused device shadows', async () => {
    const refused = await added(explicit(URN, { serial: 'S1234567' }));
    await set(refused.id, { approval: 'refused' });
    const row = await added(mdm('S1234567', { serial: 'S1234567' }));
    expect(row.approval).toBe('pending');
    expect(row.id).not.toBe(refused.id);
    expect(await conflicts()).toMatchObject([{ device_id: row.id, candidate_id: refused.id }]);
  });
});

describe('an owner change', () => {
  it('asks for a fresh decision where the device was enrolled, and keeps the approval where it was only imported', async () => {
    const row = await added(explicit(URN, { email: 'a@example.com' }));
    expect((await added(explicit(URN, { email: 'b@example.com' }))).approval).toBe('approved');
    await set(row.id, { enrolled_at: NOW });
    const current = await device(row.id);
    const change = await store.write(async (trx) => {
      await saveLayer(trx, NOW, row.id, 'explicit', { email: 'c@example.com' });
      return refreshDevice(trx, NOW, current);
    });
    expect(change.device).toMatchObject({ approval: 'pending', decided_by: null });
    expect(change.before).toMatchObject({ approval: 'approved' });
  });
});

it('refuses identifiers in forms that name nothing', () => {
  for (const text of ['', 'with space', 'urn:ek:sha256:short', 'urn:smallstep:device:serial:X', 'ü', 'x'.repeat(257)]) {
    expect(() => canonicalIdentifier(text)).toThrow(IdentifierFault);
  }
  expect(canonicalIdentifier('d9f4e7c0-9d3b-4b6e-8f7a-0123456789ab')).toBe('d9f4e7c0-9d3b-4b6e-8f7a-0123456789ab');
});
