import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../app/index.ts';
import { effective, type ManagedProfile, managedStrengths } from '../contract/index.ts';
import {
  FIRST_LOOK_MS,
  findInstallation,
  type Installation,
  keepUpdated,
  NEXT_LOOK_MS,
  planUpdates,
  type Updater,
} from './updates.ts';

function aManaged(first: ManagedProfile) {
  let profile = first;
  const listeners = new Set<() => void>();
  const managed: Parameters<typeof keepUpdated>[0]['managed'] = {
    effective: (name, chosen) => effective(profile, name, chosen),
    strengths: () =>
      Object.fromEntries(
        Object.entries(managedStrengths(profile)).map(([name, strength]) => [
          name === 'Updates' ? 'updates' : name,
          strength,
        ]),
      ),
    subscribe(listener) {
      const call = () => listener({ profile, problems: [] });
      listeners.add(call);
      return () => listeners.delete(call);
    },
  };
  const change = (next: ManagedProfile) => {
    profile = next;
    for (const listener of listeners) listener();
  };
  return { managed, change, followers: () => listeners.size };
}

const elsewhere: ManagedProfile = { ServerUrl: 'https://muster.example.com' };

describe('whether Muster updates itself', () => {
  it.each<[Installation, ManagedProfile, 'off' | 'notify' | 'install']>([
    ['development', {}, 'off'],
    ['development', { Updates: 'automatic' }, 'off'],
    ['distributed', {}, 'off'],
    ['distributed', { Updates: 'automatic' }, 'off'],
    ['machine', {}, 'off'],
    ['machine', elsewhere, 'off'],
    ['machine', { Updates: 'disabled' }, 'off'],
    ['machine', { Updates: 'notify' }, 'notify'],
    ['machine', { Updates: 'automatic' }, 'install'],
    ['machine', { Defaults: { Updates: 'automatic' } }, 'install'],
    ['own', {}, 'notify'],
    ['own', elsewhere, 'off'],
    ['own', { Defaults: elsewhere }, 'off'],
    ['own', { Updates: 'disabled' }, 'off'],
    ['own', { ...elsewhere, Updates: 'notify' }, 'notify'],
    ['own', { ...elsewhere, Updates: 'automatic' }, 'install'],
  ])('%s, %j: %s', (installation, profile, kind) => {
    expect(planUpdates(installation, aManaged(profile).managed).kind).toBe(kind);
  });
});

describe('updates', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function run(installation: Installation, profile: ManagedProfile, found: () => Promise<string | undefined>) {
    const seen: string[] = [];
    const lines: string[] = [];
    const line = (message: string) => void lines.push(message);
    const log: Logger = { info: line, warn: (message) => line(`warn ${message}`), error: line };
    const updater: Updater = {
      look: (install) => {
        seen.push(install ? 'look and fetch' : 'look');
        return found();
      },
      hold: () => void seen.push('hold'),
    };
    const settings = aManaged(profile);
    const stop = keepUpdated({
      installation,
      managed: settings.managed,
      open: async () => {
        seen.push('open');
        return updater;
      },
      announce: async (version) => void seen.push(`announce ${version}`),
      log,
    });
    return { seen, lines, stop, ...settings };
  }

  it('are looked for some time after the start and then daily, and installed when Muster ends', async () => {
    const { seen, stop, followers } = run('machine', { Updates: 'automatic' }, async () => '2.0.0');
    await vi.advanceTimersByTimeAsync(FIRST_LOOK_MS - 1);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual(['open', 'look and fetch']);
    await vi.advanceTimersByTimeAsync(NEXT_LOOK_MS);
    expect(seen).toEqual(['open', 'look and fetch', 'look and fetch']);
    stop();
    await vi.advanceTimersByTimeAsync(2 * NEXT_LOOK_MS);
    expect(seen).toHaveLength(3);
    expect(followers()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are announced once for each version where nobody asked for more', async () => {
    const versions = ['2.0.0', '2.0.0', undefined, '2.1.0'];
    const { seen, stop } = run('own', {}, async () => versions.shift());
    await vi.advanceTimersByTimeAsync(FIRST_LOOK_MS + 3 * NEXT_LOOK_MS);
    stop();
    expect(seen.filter((what) => what.startsWith('announce'))).toEqual(['announce 2.0.0', 'announce 2.1.0']);
    expect(seen).not.toContain('look and fetch');
  });

  it.each<[Installation, ManagedProfile]>([
    ['development', { Updates: 'automatic' }],
    ['distributed', { Updates: 'automatic' }],
    ['machine', {}],
    ['own', { Updates: 'disabled' }],
    ['own', elsewhere],
  ])('never load the updater where IT manages the app: %s, %j', async (installation, profile) => {
    const { seen, stop } = run(installation, profile, async () => '2.0.0');
    await vi.advanceTimersByTimeAsync(FIRST_LOOK_MS + 3 * NEXT_LOOK_MS);
    stop();
    expect(seen).toEqual([]);
  });

  it('end only in the log where they fail, and are tried again the next day', async () => {
    const answers = [Promise.reject(new Error('no route')), Promise.resolve('2.0.0')];
    answers[0]?.catch(() => {});
    const { seen, lines, stop } = run('own', {}, async () => answers.shift());
    await vi.advanceTimersByTimeAsync(FIRST_LOOK_MS);
    expect(lines).toEqual(['warn looking for an update failed; the next look is tomorrow']);
    await vi.advanceTimersByTimeAsync(NEXT_LOOK_MS);
    stop();
    expect(seen.at(-1)).toBe('announce 2.0.0');
  });

  it('are not installed after IT turns them off, also during the download', async () => {
    let arrive: ((version: string) => void) | undefined;
    const { seen, change, stop } = run(
      'machine',
      { Updates: 'automatic' },
      () =>
        new Promise((resolve) => {
          arrive = resolve;
        }),
    );
    await vi.advanceTimersByTimeAsync(FIRST_LOOK_MS);
    change({ Updates: 'disabled' });
    expect(seen.at(-1)).toBe('hold');
    arrive?.('2.0.0');
    await vi.advanceTimersByTimeAsync(NEXT_LOOK_MS);
    stop();
    expect(seen).toEqual(['open', 'look and fetch', 'hold', 'hold']);
  });
});

describe('the kind of installation', () => {
  it('is seen from what the installers put down', async () => {
    const root = await mkdtemp(join(tmpdir(), 'muster-installation-'));
    try {
      const uid = process.getuid?.() ?? 501;
      const program = join(root, 'Muster.exe');
      const inBundle = join(root, 'Muster.app/Contents/MacOS/Muster');
      await mkdir(join(root, 'Muster.app/Contents/MacOS'), { recursive: true });
      const find = (platform: NodeJS.Platform, executable: string, as = uid, packaged = true) =>
        findInstallation({ packaged, platform, executable, uid: as });
      expect(await find('win32', program, uid, false)).toBe('development');
      expect(await find('win32', program)).toBe('distributed');
      await writeFile(join(root, 'Uninstall Muster.exe'), '');
      expect(await find('win32', program)).toBe('machine');
      expect(await find('linux', program)).toBe('distributed');
      expect(await find('darwin', inBundle, uid + 1)).toBe('distributed');
      expect(await find('darwin', join(root, 'Gone.app/Contents/MacOS/Muster'))).toBe('distributed');
      // What belongs to root was installed, even where root starts it.
      if (process.platform !== 'win32') expect(await find('darwin', inBundle)).toBe(uid === 0 ? 'distributed' : 'own');
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
