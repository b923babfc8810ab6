import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findElectron } from './window.ts';

const empty = mkdtempSync(join(tmpdir(), 'muster-electron-'));
const withRuntime = mkdtempSync(join(tmpdir(), 'muster-electron-'));
const runtime = join(withRuntime, 'node_modules/electron/dist/electron');
mkdirSync(join(withRuntime, 'node_modules/electron/dist'), { recursive: true });
writeFileSync(runtime, '');
writeFileSync(join(withRuntime, 'node_modules/electron/path.txt'), 'electron\n');
afterAll(() => {
  for (const folder of [empty, withRuntime]) rmSync(folder, { recursive: true });
});

test.each([
  ['no runtime', empty, { DISPLAY: ':0' }, 'linux', { missing: 'The Electron runtime is not on this machine' }],
  ['no display', withRuntime, {}, 'linux', { missing: 'There is no display for a desktop window' }],
  ['both, X11', withRuntime, { DISPLAY: ':0' }, 'linux', { executable: runtime }],
  ['both, Wayland', withRuntime, { WAYLAND_DISPLAY: 'wayland-0' }, 'linux', { executable: runtime }],
  ['a Mac needs no such variable', withRuntime, {}, 'darwin', { executable: runtime }],
  [
    'a named runtime that is gone',
    empty,
    { ELECTRON_EXECUTABLE: '/nowhere', DISPLAY: ':0' },
    'linux',
    { missing: 'The Electron runtime is not on this machine' },
  ],
] as const)('%s', (_name, root, environment, platform, expected) => {
  expect(findElectron(root, { ...environment }, platform)).toEqual(expected);
});
