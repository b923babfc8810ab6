import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TeamSettings } from '../../contract/index.ts';
import { canonicalIdentifier } from '../inventory/identifiers.ts';
import { importDevice } from '../inventory/importDevice.ts';
import { DEFAULT_SETTINGS } from '../policy/settings.ts';
import { openStore, type Store } from '../store/store.ts';
import { addConnection, syncConnections } from './connections.ts';
import { takeConnection } from './lease.ts';
import type { MdmProvider } from './provider.ts';
import { type SyncReport, syncConnection } from './sync.ts';

const kek = new Uint8Array(32).fill(3);
const actor = { type: 'server', id: null, name: 'test' } as const;
let folder: string;
let store: Store;
let clock: number;
let settings: TeamSettings;
let list: string;
let connection: string;

const fleet = (count: number, change: (index: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, index) => ({
    externalId: index,
    serial: `serial${1000 + index}`,
    name: `Mac ${index}`,
    os: 'darwin',
    ownership: 'company',
    user: { email: `Person${index}@Example.com` },
    raw: { id: index },
    ...change(index),
  }));
const write = (devices: unknown) => writeFile(list, typeof devices === 'string' ? devices : JSON.stringify(devices));

async function sync(options: { full?: boolean } = { full: true }): Promise<SyncReport> {
  clock += 60_000;
  const [done] = await syncConnections({ store, kek, now: () => clock, settings: async () => settings }, options);
  return done?.report ?? expect.fail();
}
const devices = () => store.db.selectFrom('devices').selectAll().orderBy('permanent_identifier').execute();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-mdm-'));
  clock = Date.UTC(2026, 0, 2);
  settings = DEFAULT_SETTINGS;
  list = join(folder, 'devices.json');
  store = await openStore(folder, 'production', clock);
  const row = await store.write((trx) =>
    addConnection(
      trx,
      clock,
      kek,
      { source: 'Jamf', name: 'Jamf', provider: 'file', settings: { path: list, pageSize: 3 } },
      { actor, requestId: null },
    ),
  );
  connection = row.id;
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a sync', () => {
  it('brings devices in, approved by the policy of the source, owned, and attested by nothing', async () => {
    await write(fleet(7));
    expect(await sync()).toMatchObject({ outcome: 'done', seen: 7, added: 7 });
    const rows = await devices();
    expect(rows).toHaveLength(7);
    expect(rows[0]).toMatchObject({
      permanent_identifier: 'SERIAL1000',
      source: 'Jamf',
      approval: 'approved',
      attestation: 'none',
      os: 'macOS',
    });
    const owner = await store.db
      .selectFrom('users')
      .selectAll()
      .where('id', '=', rows[0]?.owner_id ?? '')
      .executeTakeFirst();
    expect(owner?.email).toBe('person0@example.com');
    const before = rows.map((row) => row.version);
    expect(await sync()).toMatchObject({ added: 0, merged: 7 });
    expect((await devices()).map((row) => row.version)).toEqual(before);
  });

  it('keeps devices without a serial number as rows, counts records that cannot be read, and joins placeholders with nothing', async () => {
    await write([
      ...fleet(1),
      { externalId: 'a', serial: 'To Be Filled By O.E.M.' },
      { externalId: 'b', serial: null },
      { externalId: '', serial: 'x' },
      'nonsense',
    ]);
    expect(await sync()).toMatchObject({ seen: 5, added: 1, withoutIdentifier: 2, unreadable: 2 });
    expect(await devices()).toHaveLength(1);
    expect(await store.db.selectFrom('mdm_rows').selectAll().where('device_id', 'is', null).execute()).toHaveLength(2);
  });

  it('never overwrites what was set explicitly, and shows its own value again once that is removed', async () => {
    const explicit = (displayName: string | null) =>
      store.write((trx) =>
        importDevice(trx, clock, settings, {
          identifier: canonicalIdentifier('SERIAL1000'),
          source: 'Smallstep API',
          layer: { kind: 'explicit', change: { displayName } },
          actor,
          requestId: null,
        }),
      );
    await explicit('mine');
    await write(fleet(1));
    await sync();
    expect((await devices())[0]?.name).toBe('mine');
    await explicit(null);
    expect((await devices())[0]?.name).toBe('Mac 0');
  });

  it('leaves deleted and refused devices as they are', async () => {
    await write(fleet(2));
    await sync();
    await store.db.updateTable('devices').set({ lifecycle: 'deleted' }).where('serial', '=', 'SERIAL1000').execute();
    await store.db.updateTable('devices').set({ approval: 'refused' }).where('serial', '=', 'SERIAL1001').execute();
    expect(await sync()).toMatchObject({ tombstones: 1, merged: 1 });
    expect((await devices()).map((row) => [row.lifecycle, row.approval])).toEqual([
      ['deleted', 'approved'],
      ['active', 'refused'],
    ]);
  });

  it('lets nothing in from a source that policy closed', async () => {
    const closed = { allowed: false, autoApproved: false, userBindingRequired: false };
    settings = { ...settings, sources: { ...settings.sources, Jamf: closed } };
    await write(fleet(1));
    expect(await sync()).toMatchObject({ notAllowed: 1, added: 0 });
    expect(await devices()).toEqual([]);
  });

  it('moves its words with a serial number that changed', async () => {
    await write(fleet(1));
    await sync();
    await write(fleet(1, () => ({ serial: 'OTHER12345' })));
    await sync();
    const rows = await devices();
    expect(rows.map((row) => [row.permanent_identifier, row.name])).toEqual([
      ['OTHER12345', 'Mac 0'],
      ['SERIAL1000', 'SERIAL1000'],
    ]);
  });
});

describe('devices gone from the MDM', () => {
  it.each([
    ['keep', 'active'],
    ['quarantine', 'quarantined'],
  ] as const)('by the policy %s are %s, with the second sweep that misses them', async (policy, lifecycle) => {
    settings = { ...settings, onDeviceGoneFromMdm: policy };
    await write(fleet(10));
    await sync();
    await write(fleet(9));
    expect(await sync()).toMatchObject({ gone: 0 });
    expect((await devices()).every((row) => row.lifecycle === 'active')).toBe(true);
    expect(await sync()).toMatchObject({ gone: 1 });
    expect((await devices()).at(-1)?.lifecycle).toBe(lifecycle);
    expect(await sync()).toMatchObject({ gone: 0 });
  });

  it('stops with an alarm where more than a fifth would vanish', async () => {
    settings = { ...settings, onDeviceGoneFromMdm: 'quarantine' };
    await write(fleet(10));
    await sync();
    await write(fleet(7));
    for (let run = 0; run < 3; run += 1) {
      expect(await sync()).toMatchObject({ outcome: 'stopped', gone: 0, reason: expect.stringContaining('3 of 10') });
    }
    expect((await devices()).every((row) => row.lifecycle === 'active')).toBe(true);
  });

  it('are not looked for in a partial run', async () => {
    await write(fleet(10));
    await sync();
    await write(fleet(9));
    for (let run = 0; run < 3; run += 1) expect(await sync({ full: false })).toMatchObject({ gone: 0 });
    expect(await store.db.selectFrom('mdm_rows').selectAll().where('missing_sweeps', '>', 0).execute()).toEqual([]);
  });
});

describe('two connections of one source', () => {
  const second = () => join(folder, 'second.json');
  const writeSecond = (found: unknown) => writeFile(second(), JSON.stringify(found));
  const visible = async () => (await devices()).map(({ name, ownership }) => ({ name, ownership }));
  const syncBoth = async () => {
    // Time passes between the two: who reported a device first is known.
    const now = () => {
      clock += 1000;
      return clock;
    };
    const work = { store, kek, now, settings: async () => settings };
    for (const { report } of await syncConnections(work, { full: true })) expect(report.outcome).toBe('done');
  };
  beforeEach(async () => {
    const other = { source: 'Jamf', name: 'Jamf Berlin', provider: 'file', settings: { path: second() } } as const;
    await store.write((trx) => addConnection(trx, clock, kek, other, { actor, requestId: null }));
  });

  it('each speak for themselves: none erases what the other says, and no sync changes anything anew', async () => {
    await write(fleet(1, () => ({ name: 'first', ownership: 'unknown' })));
    await writeSecond(fleet(1, () => ({ name: 'second', ownership: 'company', externalId: 'b' })));
    await syncBoth();
    expect(await visible()).toEqual([{ name: 'first', ownership: 'company' }]);
    const [before] = await devices();
    await syncBoth();
    expect((await devices())[0]?.version).toBe(before?.version);
    await write(fleet(1, () => ({ name: '', ownership: 'unknown' })));
    await syncBoth();
    expect(await visible()).toEqual([{ name: 'second', ownership: 'company' }]);
  });

  it('lose their own words with a device that turns out to be another one, and leave those of the other', async () => {
    await write(fleet(1, () => ({ name: 'first' })));
    await writeSecond(fleet(1, () => ({ name: 'second', externalId: 'b' })));
    await syncBoth();
    await write(fleet(1, () => ({ name: 'first', serial: 'OTHER12345' })));
    await syncBoth();
    expect((await visible()).map(({ name }) => name).sort()).toEqual(['first', 'second']);
  });
});

describe('a sync that is interrupted', () => {
  const work = () => ({ store, now: () => clock, settings: async () => settings });

  it('goes on from its checkpoint, in the same sweep', async () => {
    const asked: (string | undefined)[] = [];
    const all = fleet(6);
    let broken = true;
    const provider: MdmProvider = {
      check: async () => ({ tenant: 'test', missingPrivileges: [] }),
      async *list({ cursor }) {
        asked.push(cursor);
        for (let at = Number(cursor ?? 0); at < all.length; at += 2) {
          if (at === 4 && broken) throw new Error('The MDM answered 503 with an HTML page.');
          yield { items: all.slice(at, at + 2), checkpoint: String(at + 2) };
        }
      },
    };
    expect(await syncConnection(work(), connection, provider, { full: true })).toMatchObject({
      outcome: 'failed',
      reason: 'The MDM answered 503 with an HTML page.',
      seen: 4,
    });
    broken = false;
    expect(await syncConnection(work(), connection, provider, { full: true })).toMatchObject({
      outcome: 'done',
      seen: 2,
    });
    expect(asked).toEqual([undefined, '4']);
    const row = await store.db.selectFrom('mdm_connections').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ sweep: 1, checkpoint: null, last_error: null });
    expect(await devices()).toHaveLength(6);
  });

  it('says what is wrong with the list, and runs once at a time', async () => {
    await write('not json');
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('is not JSON') });
    const lease = await takeConnection(store, connection, () => clock);
    expect(await sync()).toMatchObject({ outcome: 'busy' });
    await lease?.release();
    await write(fleet(1));
    expect(await sync()).toMatchObject({ outcome: 'done' });
  });

  it('keeps the settings of a connection sealed', async () => {
    const row = await store.db.selectFrom('mdm_connections').selectAll().executeTakeFirstOrThrow();
    expect(row.settings).not.toContain('devices.json');
  });
});
