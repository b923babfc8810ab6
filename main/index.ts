/** The Electron main process. Everything it does is in desktop.ts; this file only hands in Electron and the places of the bundles. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  app,
  BrowserWindow,
  ipcMain,
  Menu,
  Notification,
  nativeImage,
  net,
  powerMonitor,
  protocol,
  safeStorage,
  session,
  shell,
  Tray,
  utilityProcess,
} from 'electron';
import { runDesktop } from './desktop.ts';

const here = dirname(fileURLToPath(import.meta.url));

runDesktop(
  {
    app,
    BrowserWindow,
    ipcMain,
    Menu,
    nativeImage,
    net,
    Notification,
    powerMonitor,
    protocol,
    safeStorage,
    session,
    shell,
    Tray,
    utilityProcess,
  },
  {
    main: here,
    preload: join(here, '../preload/index.cjs'),
    renderer: join(here, '../renderer'),
    tray: join(here, '../../build/tray'),
  },
).catch((error: unknown) => {
  process.stderr.write(`Muster could not start: ${error instanceof Error ? error.message : String(error)}\n`);
  app.exit(1);
});
