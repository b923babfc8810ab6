/** The smallest desktop app there can be, for the bench to compare with: one sandboxed window, one page, one button. */
import { app, BrowserWindow, protocol } from 'electron';

const PAGE = '<!doctype html><title>Bare</title><link rel="icon" href="data:,"><button>Enrol this device</button>';

protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
app.setPath('userData', process.env.MUSTER_USER_DATA ?? '.');
await app.whenReady();
protocol.handle('app', () => new Response(PAGE, { headers: { 'content-type': 'text/html; charset=utf-8' } }));
const window = new BrowserWindow({
  width: 520,
  height: 720,
  webPreferences: {
    preload: process.env.BARE_PRELOAD ?? '',
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
  },
});
await window.loadURL('app://window/index.html');
