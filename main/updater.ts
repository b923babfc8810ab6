import type { ProxyConfig } from 'electron';
import type { Logger } from '../app/index.ts';
import type { Updater } from './updates.ts';

/**
 * electron-updater, loaded only here and only when this is called. It takes the address from app-update.yml, which electron-builder puts
 * into the package. On Windows it checks the publisher of a signed installer, on macOS the system checks the signature.
 */
export async function openUpdater(proxy: () => ProxyConfig, log: Logger): Promise<Updater> {
  const { autoUpdater } = await import('electron-updater');
  autoUpdater.allowDowngrade = false;
  autoUpdater.allowPrerelease = false;
  autoUpdater.disableWebInstaller = true;
  autoUpdater.autoRunAppAfterInstall = false;
  // Otherwise every look would carry a number that tells this machine from all others.
  autoUpdater.requestHeaders = { 'x-user-staging-id': 'none' };
  autoUpdater.logger = {
    info: (message: unknown) => log.info('updater', { what: String(message) }),
    warn: (message: unknown) => log.warn('updater', { what: String(message) }),
    error: (message: unknown) => log.warn('updater', { what: String(message) }),
  };
  return {
    async look(install) {
      // It has a session of its own, which does not know the proxy that the setting names.
      await autoUpdater.netSession.setProxy(proxy());
      autoUpdater.autoDownload = install;
      autoUpdater.autoInstallOnAppQuit = install;
      const found = await autoUpdater.checkForUpdates();
      if (!found?.isUpdateAvailable) return undefined;
      await found.downloadPromise;
      return found.updateInfo.version;
    },
    hold() {
      autoUpdater.autoInstallOnAppQuit = false;
    },
  };
}
