import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileStore } from './fileStore.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the file store', () => {
  it('keeps values for its owner alone', async () => {
    const path = join(folder, 'deep/state');
    const store = createFileStore(path);
    expect(await store.read('settings')).toBeUndefined();
    await store.write('settings', 'one');
    await store.write('settings', 'two');
    expect(await createFileStore(path).read('settings')).toBe('two');
    expect((await stat(join(path, 'settings.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await store.remove('settings');
    await store.remove('settings');
    expect(await readdir(path)).toEqual([]);
  });

  it('keeps the old value where a write was cut short', async () => {
    const store = createFileStore(folder);
    await store.write('settings', 'old');
    await writeFile(join(folder, 'settings.json.new'), 'ha');
    expect(await store.read('settings')).toBe('old');
    await store.write('settings', 'new');
    expect(await store.read('settings')).toBe('new');
    expect(await readdir(folder)).toEqual(['settings.json']);
  });

  it('writes in order, however many ask at once', async () => {
    const store = createFileStore(folder);
    await Promise.all(Array.from({ length: 30 }, (_, index) => store.write('settings', String(index))));
    expect(await store.read('settings')).toBe('29');
  });

  it('takes no name that leads elsewhere', async () => {
    const store = createFileStore(folder);
    for (const name of ['../x', 'a/b', '', 'A', '.hidden']) await expect(store.read(name)).rejects.toThrow();
  });

  it('says so where the folder cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    const store = createFileStore(join(folder, 'file'));
    await expect(store.write('settings', 'x')).rejects.toMatchObject({ code: 'state-unreadable' });
    await chmod(folder, 0o700);
  });
});
