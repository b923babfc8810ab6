/**
 * Stands in for the module `electron` where its runtime is not: the production main bundle runs unchanged in Node, its windows are pages of a
 * real Chromium. Typed against Electron's own types, so that it breaks when they change; what it does not implement throws by name. It shows
 * nothing of the operating system's sandbox, fuses, safeStorage back ends, single-instance lock or installers: "chromium-electron", not Electron.
 */
import { fork } from 'node:child_process';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as Electron from 'electron';
import packageJson from '../../package.json' with { type: 'json' };
import { startHost, stopHost } from './host.ts';
import { record, trayActions } from './record.ts';
import { strict } from './strict.ts';
import { createdContents, handlers, StandInWindow, schemes } from './window.ts';

const paths = new Map<string, string>();
let quitting = false;

const appMethods = {
  isPackaged: false,
  whenReady: async () => {},
  enableSandbox: () => {
    record.sandboxed = true;
  },
  requestSingleInstanceLock: () => process.env.STANDIN_LOCK !== 'lost',
  setPath: (name: string, path: string) => void paths.set(name, path),
  getPath: (name: string) => {
    const path = paths.get(name);
    if (path === undefined) throw new Error(`The stand-in for electron has no path "${name}".`);
    return path;
  },
  getVersion: () => packageJson.version,
  getLocale: () => process.env.STANDIN_LOCALE ?? 'en-US',
  setAppUserModelId: () => {},
  setAsDefaultProtocolClient: (scheme: string) => {
    record.protocolClients.push(scheme);
    return true;
  },
  setLoginItemSettings: () => {},
  quit() {
    if (quitting) return;
    let prevented = false;
    emitter.emit('before-quit', { preventDefault: () => (prevented = true) });
    if (prevented) return;
    quitting = true;
    void stopHost().then(() => process.exit(0));
  },
  exit: (code?: number) => process.exit(code ?? 0),
} satisfies Partial<Electron.App>;

const emitter = new EventEmitter();
export const app = strict('app', Object.assign(emitter, appMethods));

createdContents.push((contents) => app.emit('web-contents-created', {}, contents));

export const BrowserWindow = class extends StandInWindow {
  constructor(options?: Electron.BrowserWindowConstructorOptions) {
    super(options);
    record.windows.push(options ?? {});
    this.once('closed', () => {
      if (StandInWindow.all.length === 0) app.emit('window-all-closed');
    });
  }
};

export const ipcMain = strict('ipcMain', {
  handle: (channel, listener) => {
    if (handlers.has(channel)) throw new Error(`A second handler for '${channel}'`);
    handlers.set(channel, listener as never);
  },
} satisfies Partial<Electron.IpcMain>);

export const protocol = strict('protocol', {
  registerSchemesAsPrivileged: (list) => void record.schemes.push(...list),
  handle: (scheme, handler) => void schemes.set(scheme, handler as never),
} satisfies Partial<Electron.Protocol>);

/** Names of permissions in Electron and in Chromium's DevTools. */
const PERMISSIONS: Record<string, string> = {
  geolocation: 'geolocation',
  notifications: 'notifications',
  media: 'camera',
  'clipboard-read': 'clipboard-read',
  midi: 'midi',
};
/** Chromium's own permissions follow the app's handler, so that a page that asks gets the app's answer. */
async function applyPermissions(answers: Record<string, boolean>): Promise<void> {
  const { context } = await startHost();
  const session = await context.browser()?.newBrowserCDPSession();
  for (const [electronName, name] of Object.entries(PERMISSIONS)) {
    const setting = answers[electronName] ? 'granted' : 'denied';
    await session?.send('Browser.setPermission', { permission: { name }, setting });
  }
}
const sessionMethods = {
  setPermissionRequestHandler: (handler) => {
    const answers: Record<string, boolean> = {};
    for (const permission of Object.keys(PERMISSIONS)) {
      const callback = (granted: boolean) => {
        answers[permission] = granted;
      };
      handler?.(undefined as never, permission as never, callback, {} as never);
    }
    Object.assign(record.permissions, answers);
    void applyPermissions(answers);
  },
  setPermissionCheckHandler: (handler) => {
    record.permissions.check = handler?.(null, 'notifications' as never, '', {} as never) ?? true;
  },
  setDevicePermissionHandler: (handler) => {
    record.permissions.device = handler?.({} as never) ?? false;
  },
  setDisplayMediaRequestHandler: (handler) => {
    handler?.({} as never, (streams) => {
      record.permissions.display = Object.keys(streams ?? {}).length > 0;
    });
  },
  setProxy: async (config) => {
    record.proxy = config;
  },
  resolveProxy: async () => 'DIRECT',
} satisfies Partial<Electron.Session>;
export const session = strict('session', {
  defaultSession: strict('session.defaultSession', Object.assign(new EventEmitter(), sessionMethods)),
});

export const shell = strict('shell', {
  openExternal: async (url) => void record.external.push(url),
} satisfies Partial<Electron.Shell>);

export const net = strict('net', {
  fetch: (input, init) => {
    const { bypassCustomProtocolHandlers: _, ...rest } = init ?? {};
    return globalThis.fetch(input as never, rest as RequestInit);
  },
} satisfies Partial<Electron.Net>);

const keyFile = () => join(app.getPath('userData'), 'standin-key');
function key(): Buffer {
  if (!existsSync(keyFile())) {
    mkdirSync(dirname(keyFile()), { recursive: true });
    writeFileSync(keyFile(), randomBytes(32), { mode: 0o600 });
  }
  return readFileSync(keyFile());
}
export const safeStorage = strict('safeStorage', {
  isAsyncEncryptionAvailable: async () => true,
  getSelectedStorageBackend: () => (process.env.STANDIN_BACKEND as 'basic_text' | undefined) ?? 'gnome_libsecret',
  encryptStringAsync: async (plainText) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key(), iv);
    const sealed = Buffer.concat([cipher.update(plainText, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  },
  decryptStringAsync: async (encrypted) => {
    const decipher = createDecipheriv('aes-256-gcm', key(), encrypted.subarray(0, 12));
    decipher.setAuthTag(encrypted.subarray(12, 28));
    const result = Buffer.concat([decipher.update(encrypted.subarray(28)), decipher.final()]).toString('utf8');
    return {
      result,
      shouldReEncrypt: false,
      isTemporarilyUnavailable: false,
    } as Electron.DecryptStringAsyncReturnValue;
  },
} satisfies Partial<Electron.SafeStorage>);

export const powerMonitor = new EventEmitter();

type MenuItem = { label?: string; enabled?: boolean; click?: () => void; type?: string };
export const Menu = strict('Menu', {
  buildFromTemplate: (template: MenuItem[]) => ({ items: template }),
  setApplicationMenu: () => {},
});

export class Tray extends EventEmitter {
  readonly image: unknown;
  constructor(image: unknown) {
    super();
    this.image = image;
  }
  setToolTip(text: string): void {
    record.tray.tooltip = text;
  }
  setContextMenu(menu: { items: MenuItem[] } | null): void {
    trayActions.clear();
    record.tray.items = [];
    for (const { label, enabled = true, click } of menu?.items ?? []) {
      if (label === undefined) continue;
      record.tray.items.push({ label, enabled });
      if (click) trayActions.set(label, click);
    }
  }
}

export const nativeImage = strict('nativeImage', {
  createFromPath: (path: string) => {
    if (!existsSync(path)) throw new Error(`There is no image ${path}.`);
    return strict('NativeImage', { setTemplateImage: () => {} });
  },
});

export class Notification extends EventEmitter {
  static isSupported(): boolean {
    return true;
  }
  readonly #options: { title: string; body: string };
  constructor(options: { title: string; body: string }) {
    super();
    this.#options = options;
  }
  show(): void {
    record.notifications.push(this.#options);
  }
}

export const utilityProcess = strict('utilityProcess', {
  fork: (modulePath, args = []) => {
    const child = fork(modulePath, args, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    return Object.assign(new EventEmitter(), {
      postMessage: (message: never) => void child.send(message, () => undefined),
      kill: () => child.kill('SIGKILL'),
      on: (event: string, listener: (...args: unknown[]) => void) => child.on(event, listener),
    }) as unknown as Electron.UtilityProcess;
  },
} satisfies Pick<typeof Electron.utilityProcess, 'fork'>);
