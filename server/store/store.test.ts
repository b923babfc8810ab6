import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKeyEncryptionKey, rewrap, seal, signingKey, unseal } from '../keys/keyring.ts';
import { openKeyEncryptionKey } from '../keys/rotation.ts';
import { audit, auditHash } from './audit.ts';
import { isSecret, newId, newSecret } from './ids.ts';
import { takeLease } from './lease.ts';
import { nextNumber, openStore } from './store.ts';

const NOW = Date.UTC(2026, 0, 2);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the store', () => {
  it('keeps its stamp: a demo store is refused as production, and the other way round', async () => {
    await (await openStore(folder, 'demo', NOW)).close();
    await expect(openStore(folder, 'production', NOW)).rejects.toMatchObject({ code: 'store-is-demo' });
    await (await openStore(folder, 'demo', NOW)).close();
    const other = join(folder, 'other');
    await (await openStore(other, 'production', NOW)).close();
    await expect(openStore(other, 'demo', NOW)).rejects.toMatchObject({ code: 'store-is-production' });
  });

  it('says that a broken file cannot be read', async () => {
    await writeFile(
      join(folder, 'muster.db'),
      'this is not a database, but long enough to be taken for one'.repeat(40),
    );
    await expect(openStore(folder, 'demo', NOW)).rejects.toMatchObject({ code: 'store-unreadable' });
  });

  it('loses no update when many transactions read and write one row', async () => {
    const store = await openStore(folder, 'production', NOW);
    const numbers = await Promise.all(Array.from({ length: 50 }, () => store.write((trx) => nextNumber(trx, 'test'))));
    await store.close();
    expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 50 }, (_, i) => i + 1)));
  });

  it('rolls a failed transaction back as a whole', async () => {
    const store = await openStore(folder, 'production', NOW);
    const failing = store.write(async (trx) => {
      await nextNumber(trx, 'test');
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    expect(await store.write((trx) => nextNumber(trx, 'test'))).toBe(1);
    await store.close();
  });

  it('shares commits between units, and a unit that fails takes only itself back', async () => {
    const store = await openStore(folder, 'production', NOW);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        store.write(async (trx) => {
          await trx
            .insertInto('counters')
            .values({ name: `unit-${i}`, value: i })
            .execute();
          if (i % 3 === 0) throw new Error(`unit ${i}`);
          return i;
        }),
      ),
    );
    for (const [i, outcome] of outcomes.entries()) expect(outcome.status).toBe(i % 3 === 0 ? 'rejected' : 'fulfilled');
    const rows = await store.db.selectFrom('counters').select('value').where('name', 'like', 'unit-%').execute();
    expect(rows.map((row) => row.value % 3)).not.toContain(0);
    expect(rows).toHaveLength(66);
    await store.close();
  });

  it('refuses to wait for itself', async () => {
    const store = await openStore(folder, 'production', NOW);
    const beside = store.write(async () => store.db.selectFrom('meta').selectAll().execute());
    await expect(beside).rejects.toThrow('use the transaction');
    await expect(store.write(async () => store.write((trx) => nextNumber(trx, 'x')))).rejects.toThrow(
      'use the transaction',
    );
    await store.close();
  });

  it('is owned by one server at a time', async () => {
    const store = await openStore(folder, 'production', NOW);
    const release = await takeLease(store, Date.now);
    await expect(takeLease(store, Date.now)).rejects.toMatchObject({ code: 'store-in-use' });
    await release();
    await (await takeLease(store, Date.now))();
    await store.close();
  });

  it('takes over the lease of a process that is gone', async () => {
    const store = await openStore(folder, 'production', NOW);
    const { hostname } = await import('node:os');
    const value = JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, token: 'x', at: Date.now() });
    await store.db.insertInto('meta').values({ key: 'lease', value }).execute();
    await (await takeLease(store, Date.now))();
    await store.close();
  });

  it('chains audit records, so that a changed one shows', async () => {
    const store = await openStore(folder, 'production', NOW);
    for (const action of ['device.approved', 'device.refused']) {
      const actor = { type: 'server', id: null, name: null } as const;
      await store.write((trx) => audit(trx, NOW, { actor, action, subject: { type: 'device', id: 'x' } }));
    }
    const rows = await store.db.selectFrom('audit').selectAll().orderBy('seq').execute();
    expect(rows.map((row) => row.prev_hash)).toEqual(['', rows[0]?.hash]);
    for (const row of rows) expect(auditHash(row)).toBe(row.hash);
    expect(auditHash({ ...(rows[1] ?? expect.fail()), action: 'device.approved' })).not.toBe(rows[1]?.hash);
    await store.close();
  });
});

describe('keys at rest', () => {
  it('opens what it sealed, and nothing under another key, context or content', () => {
    const key = new Uint8Array(32).fill(1);
    const sealed = seal(key, 'a', Buffer.from('secret'));
    const start = sealed.lastIndexOf('.') + 1;
    const bytes = Buffer.from(sealed.slice(start), 'base64url').map((byte, at) => (at === 0 ? byte ^ 1 : byte));
    expect(Buffer.from(unseal(key, 'a', sealed)).toString()).toBe('secret');
    for (const attempt of [
      () => unseal(new Uint8Array(32).fill(2), 'a', sealed),
      () => unseal(key, 'b', sealed),
      () => unseal(key, 'a', `${sealed.slice(0, start)}${Buffer.from(bytes).toString('base64url')}`),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'configuration' }));
    }
  });

  it('makes no new key for a store whose keys are sealed with a lost one', async () => {
    await loadKeyEncryptionKey(folder, {});
    const store = await openStore(folder, 'production', NOW);
    await signingKey(store.db, await openKeyEncryptionKey(store, folder, {}), 'test', NOW);
    await rm(join(folder, 'key-encryption.key'));
    await expect(openKeyEncryptionKey(store, folder, {})).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('missing'),
    });
    await expect(stat(join(folder, 'key-encryption.key'))).rejects.toThrow();
    await store.close();
  });

  it('keeps signing keys over restarts and a rotation of the key-encryption key', async () => {
    const kek = await loadKeyEncryptionKey(folder, {});
    expect(await loadKeyEncryptionKey(folder, {})).toEqual(kek);
    const store = await openStore(folder, 'production', NOW);
    const first = await signingKey(store.db, kek, 'test', NOW);
    const next = new Uint8Array(32).fill(7);
    await store.write((trx) => rewrap(trx, kek, next));
    await expect(signingKey(store.db, kek, 'test', NOW)).rejects.toMatchObject({ code: 'configuration' });
    const second = await signingKey(store.db, next, 'test', NOW);
    expect(second.privateKey.equals(first.privateKey)).toBe(true);
    await store.close();
  });
});

describe('ids and secrets', () => {
  it('makes identifiers that sort by time', () => {
    const ids = [1, 2, 3].map((offset) => newId(NOW + offset));
    expect([...ids].sort()).toEqual(ids);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('knows a secret of its kind, and a typing error', () => {
    const secret = newSecret('grant');
    expect(isSecret('grant', secret)).toBe(true);
    expect(isSecret('api', secret)).toBe(false);
    const at = 20;
    const wrong = secret.slice(0, at) + (secret[at] === 'A' ? 'B' : 'A') + secret.slice(at + 1);
    expect(isSecret('grant', wrong)).toBe(false);
  });
});
