import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeDevice, insertDevice } from './devices.ts';
import { searchNumbers, searchTerms, searchText } from './search.ts';
import { openStore, type Store } from './store.ts';

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-search-'));
  store = await openStore(folder, 'production', 1);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const add = (name: string, identifier: string, owner: string | null = null) =>
  store.write((trx) =>
    insertDevice(trx, 1, { permanent_identifier: identifier, name, source: 'Smallstep API' }, owner),
  );
const find = (typed: string) =>
  searchNumbers(store.db, searchTerms(typed), { before: Number.MAX_SAFE_INTEGER, limit: 10 });

describe('search', () => {
  it('finds words by their beginnings, in any case and without accents', async () => {
    const { number } = await add('Jörgs MacBook-Pro', 'C02XK1ZHJGH5', 'joerg.mueller@example.com');
    for (const typed of [
      'jorg',
      'JÖRGS',
      'macbook-p',
      'pro',
      'c02xk',
      'joerg.m',
      'mueller@ex',
      'example.com',
      'pro jorgs',
    ])
      expect(await find(typed), typed).toEqual([number]);
    for (const typed of ['', ' ', '-', 'ook', 'jorg nobody', 'z']) expect(await find(typed), typed).toEqual([]);
  });

  it('finds a name without spaces from its middle', async () => {
    const { number } = await add('田中太郎のノート', 'T-1');
    for (const typed of ['田中', '太郎', 'ノート']) expect(await find(typed), typed).toEqual([number]);
    expect(await find('太中')).toEqual([]);
  });

  it('takes whatever is typed as text', async () => {
    for (const typed of [
      '"',
      'a"b',
      'a* OR b',
      'NEAR(a b)',
      'words:a',
      '-a',
      '^a',
      'a\0b',
      '(',
      '\ud800',
      'a'.repeat(256),
      'ﷺ'.repeat(85),
    ])
      expect(await find(typed), JSON.stringify(typed)).toEqual([]);
  });

  it('answers the newest first, page by page', async () => {
    const numbers: number[] = [];
    for (let i = 0; i < 5; i += 1) numbers.unshift((await add(`rack ${i}`, `RACK${i}`)).number);
    const page = (before: number, limit: number) => searchNumbers(store.db, searchTerms('rack'), { before, limit });
    expect(await page(Number.MAX_SAFE_INTEGER, 3)).toEqual(numbers.slice(0, 3));
    expect(await page(numbers[2] ?? 0, 3)).toEqual(numbers.slice(3));
  });

  it('is in step with the devices: changed with them, rolled back with them, gone with them', async () => {
    const { id, number } = await add('before', 'STEP1');
    const rename = (name: string, fail = false) =>
      store.write(async (trx) => {
        const search = searchText({ name, serial: null, permanent_identifier: 'STEP1' }, null);
        await changeDevice(trx, 2, id, { name, search });
        if (fail) throw new Error('stop');
      });
    await expect(rename('never', true)).rejects.toThrow('stop');
    expect([await find('before'), await find('never')]).toEqual([[number], []]);
    await rename('after');
    expect([await find('before'), await find('after')]).toEqual([[], [number]]);
    await store.write((trx) => trx.deleteFrom('devices').where('id', '=', id).execute());
    expect(await find('after')).toEqual([]);
    const next = await add('other', 'STEP2');
    expect(next.number).toBeGreaterThan(number);
  });
});
