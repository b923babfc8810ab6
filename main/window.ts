import type { BrowserWindow, BrowserWindowConstructorOptions } from 'electron';
import type { WindowRegistry } from './ipc.ts';
import { WINDOW_URL } from './protocol.ts';
import { allowLargerText } from './zoom.ts';

/**
 * SECURITY: docs/security.md, rows 2, 3, 4, 6, 8 to 12. Stated one by one, although most are Electron's defaults: a test reads them, and a
 * change of a default cannot weaken them unseen.
 */
export function windowOptions(preload: string, packaged: boolean): BrowserWindowConstructorOptions {
  return {
    width: 520,
    height: 720,
    minWidth: 360,
    minHeight: 480,
    show: false,
    title: 'Muster',
    autoHideMenuBar: true,
    webPreferences: {
      preload,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      contextIsolation: true,
      sandbox: true,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: false,
      devTools: !packaged,
    },
  };
}

export type MainWindow = { show(): void; isLookedAt(): boolean };

/** The one window, made when it is first shown and again after it was closed. */
export function createMainWindow(options: {
  BrowserWindow: typeof BrowserWindow;
  preload: string;
  packaged: boolean;
  windows: WindowRegistry;
  onProblem: (error: unknown) => void;
}): MainWindow {
  let current: BrowserWindow | undefined;

  function open(): BrowserWindow {
    const window = new options.BrowserWindow(windowOptions(options.preload, options.packaged));
    options.windows.add(window.webContents);
    allowLargerText(window.webContents, process.platform);
    window.once('ready-to-show', () => window.show());
    window.once('closed', () => {
      current = undefined;
    });
    window.loadURL(WINDOW_URL).catch(options.onProblem);
    return window;
  }

  return {
    show() {
      if (!current || current.isDestroyed()) {
        current = open();
        return;
      }
      if (current.isMinimized()) current.restore();
      current.show();
      current.focus();
    },
    isLookedAt: () => current !== undefined && !current.isDestroyed() && current.isVisible() && current.isFocused(),
  };
}
