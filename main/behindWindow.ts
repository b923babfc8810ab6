import type * as Electron from 'electron';
import { type Logger, type ManagedSettings, type MusterApp, openManagedSettings, toAppError } from '../app/index.ts';
import { AppSnapshot, MANAGED_PLACES } from '../contract/index.ts';
import { openSettingsSource } from '../native/settings/index.ts';
import { parseDeepLink } from './deepLinks.ts';
import {
  applyProxy,
  chooseFetch,
  createCore,
  type Development,
  type ElectronParts,
  type Folders,
  proxyConfig,
} from './desktopCore.ts';
import { createDispatcher, FOREIGN } from './dispatcher.ts';
import { type Calls, sendSnapshots, type WindowRegistry } from './ipc.ts';
import { createNews } from './news.ts';
import { AT_LOGIN, HIDDEN, isWantedAtLogin } from './startAtLogin.ts';
import { textsFor } from './texts.ts';
import { createTray } from './tray.ts';
import { openUpdater } from './updater.ts';
import { findInstallation, keepUpdated } from './updates.ts';
import type { MainWindow } from './window.ts';

/** What the early steps (desktop.ts) made, and how the window's calls get their answers. */
export type Early = {
  electron: ElectronParts;
  folders: Folders;
  development: Development;
  windows: WindowRegistry;
  window: MainWindow;
  links: { follow(next: (text: string | undefined) => void): void };
  log: Logger;
  answer(calls: Calls): void;
};

/** Settings of IT, the core, tray, notifications and updates: everything behind the window, in the order in which they need each other. */
export async function startBehindWindow(early: Early): Promise<void> {
  const { electron, folders, development, windows, window, links, log } = early;
  const { app } = electron;
  const managed = await openManagedSettings(openSettingsSource(MANAGED_PLACES), log);
  await applyProxy(electron, managed);
  const fetch = await chooseFetch(electron, managed, log);
  const core = createCore(electron, folders, development, managed, fetch, log);
  sendSnapshots(core.bridge, windows, (snapshot) => AppSnapshot.parse(snapshot));
  early.answer({ dispatch: createDispatcher(core.bridge, log), foreign: FOREIGN });
  await core.start();
  if (process.argv.includes(AT_LOGIN) && !(await isWantedAtLogin(core))) return app.quit();
  showState(electron, folders, core, window, log);
  links.follow((link) => openLink(link, core, window, log));
  electron.powerMonitor.on('resume', () => checkNow(core, log));
  app.on('activate', () => window.show());
  await followUpdates(electron, core, managed, window, log);
  closeWithApp(app, core, managed, log);
  if (process.argv.includes(AT_LOGIN) && !process.argv.includes(HIDDEN)) window.show();
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
