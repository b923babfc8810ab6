import { join } from 'node:path';
import type * as Electron from 'electron';
import { createLineLogger, type LogLevel } from '../app/node/logger.ts';
import type { Logger } from '../app/ports.ts';
import type { Development, ElectronParts, Folders } from './desktopCore.ts';
import { guardEveryContents, refusePermissions } from './guards.ts';
import { bindIpc, type Calls, createWindowRegistry } from './ipc.ts';
import { deepLinkIn, LINK_SCHEME } from './linkArguments.ts';
import { createLogFile } from './logFile.ts';
import { SCHEMES, serveWindow } from './protocol.ts';
import { AT_LOGIN, HIDDEN } from './startAtLogin.ts';
import { createMainWindow } from './window.ts';

const APP_USER_MODEL_ID = 'org.muster.Muster';

/**
 * Runs the desktop app, step by step. Resolves when it is up; the steps that must come before `ready` come first. The window comes next, and
 * what it shows (behindWindow.ts, most of the program) is loaded while the system makes it: this file and its imports stay small.
 */
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
  const windows = createWindowRegistry();
  const calls = Promise.withResolvers<Calls>();
  bindIpc(electron.ipcMain, calls.promise, windows, log);
  const window = createMainWindow({
    BrowserWindow: electron.BrowserWindow,
    preload: folders.preload,
    packaged: app.isPackaged,
    windows,
    onProblem: (error) => log.error('the window could not be loaded', { what: String(error) }),
  });
  const quiet = process.argv.includes(HIDDEN) || process.argv.includes(AT_LOGIN);
  if (!quiet) window.show();
  const { startBehindWindow } = await import('./behindWindow.ts');
  await startBehindWindow({ electron, folders, development, windows, window, links, log, answer: calls.resolve });
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
