import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxSettings } from './linuxFile.ts';

const owner = process.getuid?.() ?? -1;
let root: string;
let etc: string;
let usr: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'muster-settings-'));
  etc = join(root, 'etc', 'muster');
  usr = join(root, 'usr', 'muster');
  await mkdir(etc, { recursive: true, mode: 0o755 });
  await mkdir(usr, { recursive: true, mode: 0o755 });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const paths = () => [join(etc, 'managed-settings.json'), join(usr, 'managed-settings.json')] as const;
const source = (uid = owner) => linuxSettings({ paths: paths(), owner: uid });
const put = (path: string, value: unknown) => writeFile(path, JSON.stringify(value), { mode: 0o644 });

describe.skipIf(process.platform === 'win32')('the settings files of Linux (needs POSIX permissions)', () => {
  it('finds nothing where no file is', async () => {
    expect(await source().read()).toEqual({ kind: 'read', layers: [] });
    await rm(etc, { recursive: true });
    expect(await source().read()).toEqual({ kind: 'read', layers: [] });
  });

  it('takes the administrator’s file whole, and the vendor’s only where there is no other', async () => {
    const [own, vendor] = paths();
    await put(vendor, { Team: 'vendor', LogLevel: 'debug' });
    expect(await source().read()).toMatchObject({ layers: [{ location: vendor, values: { Team: 'vendor' } }] });
    await put(own, { Team: 'own' });
    expect(await source().read()).toEqual({
      kind: 'read',
      layers: [{ scope: 'machine', location: own, values: { Team: 'own' } }],
    });
  });

  it('refuses a file of another owner', async () => {
    await put(paths()[0], { Team: 'x' });
    expect(await source(owner + 1).read()).toMatchObject({ kind: 'refused', reason: 'It does not belong to root.' });
  });

  it.each([0o664, 0o646, 0o666])('refuses a file with mode %o', async (mode) => {
    await put(paths()[0], { Team: 'x' });
    await chmod(paths()[0], mode);
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('may write it') });
  });

  it('refuses a folder that others may write, because they could exchange the file', async () => {
    await put(paths()[0], { Team: 'x' });
    await chmod(etc, 0o777);
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('the folder') });
  });

  it('refuses a symbolic link, a folder and a FIFO, without waiting', async () => {
    const [own, vendor] = paths();
    await put(vendor, { Team: 'x' });
    await symlink(vendor, own);
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('symbolic link') });
    await rm(own);
    await mkdir(own);
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: 'It is not a regular file.' });
    await rm(own, { recursive: true });
    execFileSync('mkfifo', [own]);
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: 'It is not a regular file.' });
  });

  it('does not fall back to the vendor’s file when the administrator’s is refused', async () => {
    const [own, vendor] = paths();
    await put(vendor, { Team: 'vendor' });
    await put(own, { Team: 'own' });
    await chmod(own, 0o666);
    expect(await source().read()).toMatchObject({ kind: 'refused', location: own });
  });

  it.each(['', '{', '[]', 'null', '"text"'])('calls %j malformed', async (text) => {
    await writeFile(paths()[0], text, { mode: 0o644 });
    expect(await source().read()).toMatchObject({ kind: 'malformed', reason: 'It is not a JSON object.' });
  });

  it('refuses a file larger than 1 MB', async () => {
    await writeFile(paths()[0], ' '.repeat(1024 * 1024 + 1), { mode: 0o644 });
    expect(await source().read()).toMatchObject({ kind: 'refused', reason: 'It is larger than 1 MB.' });
  });
});

describe.skipIf(process.platform !== 'linux')('the watch on the settings files (needs inotify)', () => {
  it('sees a file replaced by rename, and follows its folder when that goes and comes back', async () => {
    let changes = 0;
    const stop = source().watch(() => changes++);
    const change = async (act: () => Promise<unknown>) => {
      const before = changes;
      await act();
      await expect.poll(() => changes, { timeout: 30_000 }).toBeGreaterThan(before);
    };
    try {
      const [own] = paths();
      await change(async () => {
        await put(`${own}.new`, { Team: 'a' });
        await rename(`${own}.new`, own);
      });
      await change(() => rm(etc, { recursive: true }));
      await change(() => mkdir(etc, { mode: 0o755 }));
      await change(() => put(own, { Team: 'b' }));
      expect(await source().read()).toMatchObject({ layers: [{ values: { Team: 'b' } }] });
    } finally {
      stop();
    }
    const before = changes;
    // Another watch says when this one would have been told.
    let witnessed = 0;
    const stopWitness = source().watch(() => witnessed++);
    try {
      await put(paths()[0], { Team: 'c' });
      await expect.poll(() => witnessed, { timeout: 30_000 }).toBeGreaterThan(0);
    } finally {
      stopWitness();
    }
    expect(changes).toBe(before);
  });
});
