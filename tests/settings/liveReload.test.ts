import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ManagedSettings, openManagedSettings } from '../../app/managedSettings.ts';
import { linuxSettings } from '../../native/settings/linuxFile.ts';

const log = { info() {}, warn() {}, error() {} };
let folder: string;
let file: string;
let settings: ManagedSettings;

describe.skipIf(process.platform !== 'linux')('settings from a real file, while Muster runs (needs inotify)', () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-live-'));
    file = join(folder, 'muster', 'managed-settings.json');
    settings = await openManagedSettings(linuxSettings({ paths: [file], owner: process.getuid?.() ?? 0 }), log);
  });
  afterEach(async () => {
    settings.close();
    await rm(folder, { recursive: true, force: true });
  });

  const put = async (text: string) => {
    await writeFile(`${file}.new`, text, { mode: 0o644 });
    await rename(`${file}.new`, file);
  };
  const team = () => settings.current().profile.Team;

  it('appear, change, survive a file that others may write, and go', async () => {
    expect(settings.current()).toEqual({ profile: {}, problems: [] });

    await mkdir(join(folder, 'muster'), { mode: 0o755 });
    await put('{"Team":"first"}');
    await expect.poll(team).toBe('first');

    await put('{"Team":"second","Defaults":{"StartAtLogin":true}}');
    await expect.poll(team).toBe('second');
    expect(settings.strengths()).toEqual({ team: 'enforced', startAtLogin: 'default' });

    await writeFile(`${file}.new`, '{"Team":"evil"}');
    await chmod(`${file}.new`, 0o666);
    await rename(`${file}.new`, file);
    await expect.poll(() => settings.current().problems.length).toBe(1);
    expect(team()).toBe('second');

    await rm(file);
    await expect.poll(() => settings.current()).toEqual({ profile: {}, problems: [] });
  });
});
