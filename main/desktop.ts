import { join } from 'node:path';
import type * as Electron from 'electron';
import {
  createLineLogger,
  type Logger,
  type LogLevel,
  type ManagedSettings,
  type MusterApp,
  openManagedSettings,
  toAppError,
} from '../app/index.ts';
import { MANAGED_PLACES } from '../contract/index.ts';
import { openSettingsSource } from '../native/settings/index.ts';
import { deepLinkIn, LINK_SCHEME, parseDeepLink } from './deepLinks.ts';
import {
  applyProxy,
  chooseFetch,
  createCore,
  type Development,
  type ElectronParts,
  type Folders,
  proxyConfig,
} from './desktopCore.ts';
import { guardEveryContents, refusePermissions } from './guards.ts';
import { bindIpc, createWindowRegistry } from './ipc.ts';
import { createLogFile } from './logFile.ts';
import { createNews } from './news.ts';
import { SCHEMES, serveWindow } from './protocol.ts';
import { AT_LOGIN, HIDDEN, isWantedAtLogin } from './startAtLogin.ts';
import { textsFor } from './texts.ts';
import { createTray } from './tray.ts';
import { openUpdater } from './updater.ts';
import { findInstallation, keepUpdated } from './updates.ts';
import { createMainWindow, type MainWindow } from './window.ts';

const APP_USER_MODEL_ID = 'org.muster.Muster';

/** Runs the desktop app, step by step. Resolves when it is up; the steps that must come before `ready` come first. */
export async function runDesktop(electron: ElectronParts, folders: Folders): Promise<void> {
  const { app } = electron;
  const development = developmentSettings(app.isPackaged, process.env);
  if (development.userData) app.setPath('userData', development.userData);
  if (!takeSingleInstance(app)) return;
  const log = openLog(app);
  hardenBeforeReady(electron, log);
  const links = collectLinks(app);
  await app.whenReady();
  hardenSession(electron);
  serveWindow(electron.protocol, folders.renderer, log);
  const managed = await openManagedSettings(openSettingsSource(MANAGED_PLACES), log);
  await applyProxy(electron, managed);
  const fetch = await chooseFetch(electron, managed, log);
  const core = createCore(electron, folders, development, managed, fetch, log);
  const windows = createWindowRegistry();
  bindIpc(electron.ipcMain, core.bridge, windows, log);
  const window = createMainWindow({
    BrowserWindow: electron.BrowserWindow,
    preload: folders.preload,
    packaged: app.isPackaged,
    windows,
    onProblem: (error) => log.error('the window could not be loaded', { what: String(error) }),
  });
  await core.start();
  if (process.argv.includes(AT_LOGIN) && !(await isWantedAtLogin(core))) return app.quit();
  showState(electron, folders, core, window, log);
  links.follow((link) => openLink(link, core, window, log));
  electron.powerMonitor.on('resume', () => checkNow(core, log));
  app.on('activate', () => window.show());
  await followUpdates(electron, core, managed, window, log);
  closeWithApp(app, core, managed, log);
  if (!process.argv.includes(HIDDEN)) window.show();
}

export function developmentSettings(packaged: boolean, environment: NodeJS.ProcessEnv): Development {
  if (packaged) return { serverUrl: undefined, tcti: undefined, userData: undefined };
  const { MUSTER_SERVER_URL: serverUrl, MUSTER_TCTI: tcti, MUSTER_USER_DATA: userData } = environment;
  return { serverUrl, tcti, userData };
}

/** The first instance answers for all: a second one hands over its arguments and ends. */
function takeSingleInstance(app: Electron.App): boolean {
  if (app.requestSingleInstanceLock()) return true;
  app.quit();
  return false;
}

function openLog(app: Electron.App): Logger {
  const write = createLogFile(join(app.getPath('userData'), 'logs', 'muster.log'));
  const level: LogLevel = app.isPackaged ? 'info' : 'debug';
  return createLineLogger(write, level);
}

function hardenBeforeReady(electron: ElectronParts, log: Logger): void {
  const { app } = electron;
  // SECURITY: docs/security.md, row 4. Every renderer, whatever its own options say.
  app.enableSandbox();
  electron.protocol.registerSchemesAsPrivileged(SCHEMES);
  guardEveryContents(app, log);
  app.setAppUserModelId(APP_USER_MODEL_ID);
  // A checkout must not take over the links of an installed app.
  if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);
  app.on('window-all-closed', () => {
    // Muster goes on in the tray: it tells of the approval when it comes.
  });
}

function hardenSession(electron: ElectronParts): void {
  refusePermissions(electron.session.defaultSession);
  electron.Menu.setApplicationMenu(process.platform === 'darwin' ? electron.Menu.buildFromTemplate(MAC_MENU) : null);
}

/** macOS takes copy, paste and quit from the menu; elsewhere they work without one. */
const MAC_MENU: Electron.MenuItemConstructorOptions[] = [
  { role: 'appMenu' },
  { role: 'editMenu' },
  { role: 'windowMenu' },
];

/** Links arrive as arguments, from a second instance, and on macOS as an event that may come before `ready`. */
function collectLinks(app: Electron.App) {
  const early: string[] = [];
  let listener: ((text: string | undefined) => void) | undefined;
  const take = (text: string | undefined) => {
    if (listener) listener(text);
    else if (text !== undefined) early.push(text);
  };
  app.on('open-url', (event, url) => {
    event.preventDefault();
    take(url);
  });
  app.on('second-instance', (_event, argv) => {
    // A start at login that finds Muster running already has nothing to show.
    if (!argv.includes(HIDDEN)) take(deepLinkIn(argv));
  });
  const own = deepLinkIn(process.argv);
  if (own !== undefined) early.push(own);
  return {
    follow(next: (text: string | undefined) => void) {
      listener = next;
      for (const text of early.splice(0)) next(text);
    },
  };
}

function openLink(text: string | undefined, core: MusterApp, window: MainWindow, log: Logger): void {
  window.show();
  if (text === undefined) return;
  const link = parseDeepLink(text);
  switch (link.kind) {
    case 'open':
      return;
    case 'open-server':
      void core.askForServer(link.serverUrl);
      return;
    case 'refused':
      log.warn('a link was refused', { reason: link.reason });
      return;
    default:
      throw link satisfies never;
  }
}

/** A device that is not enrolled has nothing to check; a server that is away shows as offline. */
function checkNow(core: MusterApp, log: Logger): void {
  core.bridge.invoke('refresh', {}).catch((error: unknown) => {
    log.info('nothing new to be had', { code: toAppError(error).code });
  });
}

/** Tray and notifications follow the snapshots that the window gets. */
function showState(electron: ElectronParts, folders: Folders, core: MusterApp, window: MainWindow, log: Logger): void {
  const { app, Tray, Menu, nativeImage, Notification } = electron;
  const actions = {
    open: () => window.show(),
    refresh: () => checkNow(core, log),
    quit: () => app.quit(),
  };
  const draw = createTray({ Tray, Menu, nativeImage, folder: folders.tray, platform: process.platform, actions });
  const news = createNews((screen, { settings }) => {
    if (!Notification.isSupported()) return;
    const notification = new Notification(textsFor(settings.language, app.getLocale()).news[screen]);
    notification.on('click', actions.open);
    notification.show();
  }, window.isLookedAt);
  const look = (snapshot: Parameters<typeof news>[0]) => {
    draw(snapshot, textsFor(snapshot.settings.language, app.getLocale()));
    news(snapshot);
  };
  core.bridge.subscribe(look);
  void core.bridge.invoke('snapshot', {}).then(look);
}

/** Not in a development build, and not where software distribution installed Muster (updates.ts). */
async function followUpdates(
  electron: ElectronParts,
  core: MusterApp,
  managed: ManagedSettings,
  window: MainWindow,
  log: Logger,
): Promise<void> {
  const { app, Notification } = electron;
  const { platform, execPath: executable } = process;
  const uid = process.getuid?.();
  const stop = keepUpdated({
    installation: await findInstallation({ packaged: app.isPackaged, platform, executable, uid }),
    managed,
    open: () => openUpdater(() => proxyConfig(managed.effective('Proxy') ?? 'system'), log),
    announce: async () => {
      const { settings } = await core.bridge.invoke('snapshot', {});
      if (!Notification.isSupported()) return;
      const notification = new Notification(textsFor(settings.language, app.getLocale()).update);
      notification.on('click', () => window.show());
      notification.show();
    },
    log,
  });
  app.once('before-quit', stop);
}

/** Quitting waits for the core, so that no state is half written and no TPM left open; a second request does not wait. */
function closeWithApp(app: Electron.App, core: MusterApp, managed: ManagedSettings, log: Logger): void {
  let closing = false;
  app.on('before-quit', (event) => {
    if (closing) return;
    closing = true;
    event.preventDefault();
    managed.close();
    core
      .close()
      .catch((error: unknown) => log.error('closing failed', { what: String(error) }))
      .finally(() => app.quit());
  });
}
