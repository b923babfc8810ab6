import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDesktop } from '../../build/desktop.ts';
import { ROOT } from './launchers.ts';

const executable = process.env.ELECTRON_EXECUTABLE;
const packaged = process.env.MUSTER_PACKAGED_APP;
const missing = executable && existsSync(executable) ? undefined : 'no Electron runtime; set ELECTRON_EXECUTABLE';

/** What only the real runtime can show. Here it is skipped by name; it has not run where there is no runtime. */
describe.skipIf(missing)(`the real Electron${missing ? ` (${missing})` : ''}`, () => {
  let app: ElectronApplication;
  let folder: string;
  let main: string;
  const env = () => ({ ...process.env, MUSTER_USER_DATA: folder }) as Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-electron-'));
    main = join((await buildDesktop(ROOT)).main, 'index.js');
    app = await _electron.launch({ executablePath: executable ?? '', args: [main], env: env() });
    await app.firstWindow();
  });
  afterAll(async () => {
    await app?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('runs its renderer in the sandbox', async () => {
    const metrics = await app.evaluate(({ app: running }) => running.getAppMetrics());
    const renderers = metrics.filter(({ type }) => type === 'Tab');
    expect(renderers.length).toBeGreaterThan(0);
    // Chromium reports the sandbox on Windows and macOS only.
    if (process.platform !== 'linux') expect(renderers.every(({ sandboxed }) => sandboxed)).toBe(true);
    const page = await app.firstWindow();
    expect(await page.evaluate(() => typeof (globalThis as { process?: unknown }).process)).toBe('undefined');
  });

  it('seals secrets by the system', async () => {
    const sealed = await app.evaluate(async ({ safeStorage }) => {
      if (!(await safeStorage.isAsyncEncryptionAvailable())) return null;
      return (await safeStorage.encryptStringAsync('top secret')).toString('latin1');
    });
    expect(sealed).not.toBeNull();
    expect(sealed).not.toContain('top secret');
  });

  it('lets a second start hand over and end', () => {
    const second = spawnSync(executable ?? '', [main, 'muster://open?server=https://other.example'], {
      env: env(),
      timeout: 60_000,
    });
    expect(second.status).toBe(0);
  });

  it.skipIf(!packaged)('is fused where it is packaged', async () => {
    // The sentinel, then one byte for the version, one for the length, and one character for each fuse (@electron/fuses).
    const bytes = await readFile(packaged ?? '');
    const at = bytes.indexOf('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX');
    expect(at).toBeGreaterThan(0);
    const wire = bytes.subarray(at + 34, at + 34 + Number(bytes[at + 33])).toString('latin1');
    expect(wire).toBe('010011001');
  });
});
