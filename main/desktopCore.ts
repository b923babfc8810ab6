import { homedir } from 'node:os';
import { join } from 'node:path';
import type * as Electron from 'electron';
import {
  createApp,
  createFileStore,
  type Fetch,
  type Logger,
  type ManagedSettings,
  type MusterApp,
  type SettingsInForce,
  systemClock,
  toAppError,
} from '../app/index.ts';
import { electronFetch } from './electronFetch.ts';
import { createHardwareIdentity } from './hardware.ts';
import { nodeFetch } from './nodeFetch.ts';
import { guardedBrowser } from './openExternal.ts';
import { createSecretStore } from './secretStore.ts';
import { setStartAtLogin } from './startAtLogin.ts';
import { utilityPipe } from './tpmProcess.ts';

/** The parts of Electron that Muster uses. The composition root hands them in; nothing else imports `electron` at run time. */
export type ElectronParts = Pick<
  typeof Electron,
  | 'app'
  | 'BrowserWindow'
  | 'ipcMain'
  | 'Menu'
  | 'nativeImage'
  | 'net'
  | 'Notification'
  | 'powerMonitor'
  | 'protocol'
  | 'safeStorage'
  | 'session'
  | 'shell'
  | 'Tray'
  | 'utilityProcess'
>;

export type Folders = {
  /** dist/main, where pipeChild.mjs is too. */
  main: string;
  preload: string;
  renderer: string;
  tray: string;
};

/** What only a development build (not packaged) takes from its environment. */
export type Development = { serverUrl: string | undefined; tcti: string | undefined; userData: string | undefined };

const DOCUMENTATION = 'https://muster.example';

export async function applyProxy(electron: ElectronParts, managed: ManagedSettings): Promise<void> {
  const apply = () => electron.session.defaultSession.setProxy(proxyConfig(managed.effective('Proxy') ?? 'system'));
  managed.subscribe(() => void apply());
  await apply();
}

export function proxyConfig(proxy: string): Electron.ProxyConfig {
  if (proxy === 'system' || proxy === 'direct') return { mode: proxy };
  const { pathname, origin } = new URL(proxy);
  if (/\.pac$/i.test(pathname)) return { mode: 'pac_script', pacScript: proxy };
  // With its scheme: without one, Chromium speaks plain http to the proxy.
  return { mode: 'fixed_servers', proxyRules: origin, proxyBypassRules: '<local>' };
}

/** Chromium's network, which knows the system's proxy and authorities; Node's where IT names further authorities (nodeFetch.ts). */
export async function chooseFetch(
  electron: Pick<ElectronParts, 'net' | 'session'>,
  managed: Pick<ManagedSettings, 'effective'>,
  log: Logger,
): Promise<Fetch> {
  const file = managed.effective('ExtraCaFile');
  if (file === undefined) return electronFetch(electron.net);
  try {
    return await nodeFetch(file, electron.session.defaultSession);
  } catch (error) {
    log.error('the further certificate authorities cannot be used', { what: toAppError(error).message });
    return electronFetch(electron.net);
  }
}

export function createCore(
  electron: ElectronParts,
  folders: Folders,
  development: Development,
  managed: ManagedSettings,
  fetch: Fetch,
  log: Logger,
): MusterApp {
  const { app } = electron;
  const files = createFileStore(join(app.getPath('userData'), 'state'));
  const store = createSecretStore(files, electron.safeStorage);
  const allowed = () => [core.currentServer(), DOCUMENTATION].filter((origin) => origin !== null);
  const core: MusterApp = createApp(
    {
      hardware: createHardwareIdentity({
        tcti: development.tcti,
        spawn: utilityPipe(electron.utilityProcess, join(folders.main, 'pipeChild.mjs')),
        claimKeys: store,
        makerCertificates: () => (managed.effective('MakerCertificates') ? fetch : undefined),
      }),
      browser: guardedBrowser(electron.shell, allowed),
      store,
      clock: systemClock,
      log,
      fetch,
    },
    {
      version: app.getVersion(),
      platform: process.platform === 'darwin' ? 'macos' : process.platform === 'win32' ? 'windows' : 'linux',
      host: 'electron',
      serverUrl: development.serverUrl,
      managed,
      help: { help: `${DOCUMENTATION}/help`, privacy: `${DOCUMENTATION}/privacy` },
      onSettings: (settings) => applyStartAtLogin(app, settings, log),
    },
  );
  return core;
}

function applyStartAtLogin(app: Electron.App, { startAtLogin }: SettingsInForce, log: Logger): void {
  if (!app.isPackaged) return;
  const configFolder = process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config');
  const parts = { app, platform: process.platform, executable: process.execPath, configFolder };
  setStartAtLogin(startAtLogin, parts).catch((error: unknown) => {
    log.warn('start at login could not be set', { code: toAppError(error).code });
  });
}
