import { EventEmitter } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Electron from 'electron';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError, createFileStore, silentLogger } from '../app/index.ts';
import { AppSnapshot, type Bridge } from '../contract/index.ts';
import { aDevice } from '../contract/testing/fixtures.ts';
import { CALL_CHANNEL, SNAPSHOT_CHANNEL } from './channels.ts';
import { developmentSettings } from './desktop.ts';
import { proxyConfig } from './desktopCore.ts';
import { createDispatcher, FOREIGN } from './dispatcher.ts';
import { guardEveryContents, refuseNavigation, refusePermissions } from './guards.ts';
import { bindIpc, type Calls, createWindowRegistry, sendSnapshots } from './ipc.ts';
import { createLogFile } from './logFile.ts';
import { createNews } from './news.ts';
import { proxyIn } from './nodeFetch.ts';
import { guardedBrowser } from './openExternal.ts';
import { createSecretStore } from './secretStore.ts';
import { setStartAtLogin } from './startAtLogin.ts';
import { statusLine, textsFor } from './texts.ts';
import { windowOptions } from './window.ts';

const folders: string[] = [];
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'muster-shell-'));
  folders.push(made);
  return made;
}
afterEach(async () => {
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
});

function aSnapshot(change: Partial<AppSnapshot> = {}): AppSnapshot {
  return AppSnapshot.parse({
    state: { kind: 'enrolled', device: aDevice() },
    connection: { kind: 'online' },
    demo: false,
    version: '1.0.0',
    platform: 'linux',
    host: 'electron',
    managed: {},
    settings: { serverUrl: 'https://a.example', startAtLogin: false, language: 'en' },
    serverQuestion: null,
    ...change,
  });
}

function aBridge(invoke: (method: string, params: unknown) => unknown) {
  const listeners = new Set<(snapshot: AppSnapshot) => void>();
  const bridge: Bridge = {
    invoke: async (method, params) => (await invoke(method, params)) as never,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { bridge, push: (snapshot: AppSnapshot) => listeners.forEach((listener) => void listener(snapshot)) };
}

describe('the dispatcher', () => {
  it('refuses unknown methods, also those of Object, before the core hears of them', async () => {
    const calls: string[] = [];
    const dispatch = createDispatcher(aBridge((method) => calls.push(method)).bridge, silentLogger);
    for (const method of ['nothing', 'toString', '__proto__', 'constructor', 5, null, undefined, {}]) {
      expect(await dispatch(method, {})).toMatchObject({ error: { code: 'invalid-request' } });
    }
    expect(calls).toEqual([]);
  });

  it('refuses parameters that are missing, wrong or too many', async () => {
    const calls: string[] = [];
    const dispatch = createDispatcher(aBridge((method) => calls.push(method)).bridge, silentLogger);
    const wrong: [string, unknown][] = [
      ['prepare', {}],
      ['prepare', { serverUrl: 5 }],
      ['prepare', { serverUrl: 'x'.repeat(3000) }],
      ['enroll', { extra: true }],
      ['enroll', undefined],
      ['changeSettings', { language: 'fr' }],
      ['openHelp', { topic: 'https://evil.example' }],
    ];
    for (const [method, params] of wrong) {
      expect(await dispatch(method, params)).toMatchObject({ error: { code: 'invalid-request' } });
    }
    expect(calls).toEqual([]);
  });

  it('lets no result out that the contract does not know, and no stack ever', async () => {
    const leak = createDispatcher(aBridge(() => ({ secret: 'x' })).bridge, silentLogger);
    const answer = await leak('snapshot', {});
    expect(answer).toMatchObject({ error: { code: 'unexpected' } });
    expect(JSON.stringify(answer)).not.toMatch(/secret|\.ts/);
    const fails = createDispatcher(
      aBridge(() => Promise.reject(new Error('password at /home/x.ts:1'))).bridge,
      silentLogger,
    );
    expect(JSON.stringify(await fails('refresh', {}))).not.toMatch(/password|x\.ts/);
  });

  it('passes errors of the core as what a person reads', async () => {
    const bridge = aBridge(() => Promise.reject(new AppError('server-unreachable', 'No network.'))).bridge;
    expect(await createDispatcher(bridge, silentLogger)('refresh', {})).toMatchObject({
      error: { code: 'server-unreachable', detail: 'No network.', advice: expect.any(String) },
    });
  });
});

describe('IPC', () => {
  type Handler = (event: unknown, call: unknown) => Promise<unknown>;
  function bound(late = false) {
    const ready = Promise.withResolvers<Calls>();
    const handlers = new Map<string, Handler>();
    const calls: string[] = [];
    const { bridge, push } = aBridge((method) => {
      calls.push(method);
      return null;
    });
    const windows = createWindowRegistry();
    const sent: unknown[] = [];
    const contents = Object.assign(new EventEmitter(), {
      id: 7,
      isDestroyed: () => false,
      send: (...args: unknown[]) => sent.push(args),
    }) as unknown as Electron.WebContents;
    windows.add(contents);
    bindIpc(
      { handle: (channel, handler) => void handlers.set(channel, handler as Handler) },
      ready.promise,
      windows,
      silentLogger,
    );
    const start = () => ready.resolve({ dispatch: createDispatcher(bridge, silentLogger), foreign: FOREIGN });
    if (!late) start();
    sendSnapshots(bridge, windows, (snapshot) => AppSnapshot.parse(snapshot));
    return { handlers, calls, contents, sent, push, start, call: handlers.get(CALL_CHANNEL) as Handler };
  }
  const frame = { url: 'app://window/index.html', parent: null };

  it('has one channel', () => expect([...bound().handlers.keys()]).toEqual([CALL_CHANNEL]));

  it('answers the main frame of its own window', async () => {
    const { call, calls, contents } = bound();
    expect(await call({ sender: contents, senderFrame: frame }, { method: 'refresh', params: {} })).toEqual({
      result: null,
    });
    expect(calls).toEqual(['refresh']);
  });

  it('lets a call that comes before the core wait for it', async () => {
    const { call, calls, contents, start } = bound(true);
    const answer = call({ sender: contents, senderFrame: frame }, { method: 'refresh', params: {} });
    expect(calls).toEqual([]);
    start();
    expect(await answer).toEqual({ result: null });
    expect(calls).toEqual(['refresh']);
  });

  const STRANGERS: [string, unknown, unknown][] = [
    ['a frame that is gone', { id: 7 }, null],
    ['a frame within the window', { id: 7 }, { ...frame, parent: frame }],
    ['a page from elsewhere', { id: 7 }, { ...frame, url: 'https://evil.example/' }],
    ['a host that begins alike', { id: 7 }, { ...frame, url: 'app://window.evil/' }],
    ['contents that this process did not make', { id: 8 }, frame],
  ];
  for (const [who, sender, senderFrame] of STRANGERS) {
    it(`refuses ${who}`, async () => {
      const { call, calls } = bound();
      expect(await call({ sender, senderFrame }, { method: 'refresh', params: {} })).toMatchObject({
        error: { code: 'forbidden' },
      });
      expect(calls).toEqual([]);
    });
  }

  it('forgets a window that is destroyed', async () => {
    const { call, contents } = bound();
    contents.emit('destroyed');
    expect(await call({ sender: contents, senderFrame: frame }, { method: 'refresh', params: {} })).toMatchObject({
      error: { code: 'forbidden' },
    });
  });

  it('survives calls that are no objects, and pushes snapshots to its windows', async () => {
    const { call, contents, sent, push } = bound();
    for (const bad of [null, 5, 'refresh', []]) {
      expect(await call({ sender: contents, senderFrame: frame }, bad)).toMatchObject({
        error: { code: 'invalid-request' },
      });
    }
    push(aSnapshot());
    expect(sent).toEqual([[SNAPSHOT_CHANNEL, aSnapshot()]]);
  });
});

describe('the window', () => {
  it('states every security option', () => {
    expect(windowOptions('/preload.cjs', true).webPreferences).toEqual({
      preload: '/preload.cjs',
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
      devTools: false,
    });
    expect(windowOptions('/preload.cjs', false).webPreferences?.devTools).toBe(true);
  });

  it('goes nowhere, opens nothing, attaches nothing', () => {
    const contents = Object.assign(new EventEmitter(), {
      open: undefined as unknown as (details: object) => { action: string },
      setWindowOpenHandler(handler: never) {
        this.open = handler;
      },
    });
    refuseNavigation(contents as never, silentLogger);
    for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect', 'will-attach-webview']) {
      let prevented = false;
      contents.emit(event, { preventDefault: () => (prevented = true) }, 'https://evil.example');
      expect(prevented, event).toBe(true);
    }
    expect(contents.open({ url: 'https://evil.example' })).toEqual({ action: 'deny' });
  });

  it('guards every contents and session that is ever made, and sends no client certificate', () => {
    const app = new EventEmitter();
    guardEveryContents(app as never, silentLogger);
    const contents = Object.assign(new EventEmitter(), { setWindowOpenHandler: () => {} });
    app.emit('web-contents-created', {}, contents);
    expect(contents.listenerCount('will-navigate')).toBe(1);
    const session = aSession();
    app.emit('session-created', session);
    expect(session.answers.request).toBe(false);
    const chosen: unknown[] = [];
    let prevented = false;
    app.emit(
      'select-client-certificate',
      { preventDefault: () => (prevented = true) },
      null,
      'https://a',
      [{}],
      (...args: unknown[]) => chosen.push(args),
    );
    expect(prevented).toBe(true);
    expect(chosen).toEqual([[]]);
  });

  function aSession() {
    const answers: Record<string, unknown> = {};
    return Object.assign(new EventEmitter(), {
      answers,
      setPermissionRequestHandler: (handler: (...args: unknown[]) => void) =>
        handler({}, 'geolocation', (granted: boolean) => (answers.request = granted)),
      setPermissionCheckHandler: (handler: () => boolean) => (answers.check = handler()),
      setDevicePermissionHandler: (handler: () => boolean) => (answers.device = handler()),
      setDisplayMediaRequestHandler: (handler: (...args: unknown[]) => void) =>
        handler({}, (streams: object) => (answers.display = streams)),
    });
  }

  it('gets no permission, no device and no download', () => {
    const session = aSession();
    refusePermissions(session as never);
    expect(session.answers).toEqual({ request: false, check: false, device: false, display: {} });
    for (const event of ['select-hid-device', 'select-usb-device', 'select-serial-port', 'will-download']) {
      let prevented = false;
      session.emit(
        event,
        { preventDefault: () => (prevented = true) },
        {},
        () => {},
        () => {},
      );
      expect(prevented, event).toBe(true);
    }
  });
});

describe('openExternal', () => {
  const opened: string[] = [];
  const shell = { openExternal: async (url: string) => void opened.push(url) };
  const browser = guardedBrowser(shell, () => ['https://inventory.example', 'http://127.0.0.1:8080']);

  it('opens pages of the server, re-serialized', async () => {
    await browser.open('HTTPS://inventory.example/a b?x=1');
    await browser.open('http://127.0.0.1:8080/oidc/auth');
    expect(opened.splice(0)).toEqual(['https://inventory.example/a%20b?x=1', 'http://127.0.0.1:8080/oidc/auth']);
  });

  const REFUSED = [
    'https://evil.example/',
    'https://inventory.example.evil.example/',
    'https://inventory.example@evil.example/',
    'https://user:pw@inventory.example/',
    'http://inventory.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'smb://inventory.example/share',
    'ms-msdt:/id',
    'not an address',
    '',
  ];
  for (const url of REFUSED) {
    it(`refuses ${url || 'nothing'}`, async () => {
      await expect(browser.open(url)).rejects.toMatchObject({ code: 'browser-not-opened' });
      expect(opened).toEqual([]);
    });
  }

  it('says so where the system opens no browser', async () => {
    const broken = guardedBrowser({ openExternal: () => Promise.reject(new Error('none')) }, () => [
      'https://a.example',
    ]);
    await expect(broken.open('https://a.example/')).rejects.toMatchObject({ code: 'browser-not-opened' });
  });
});

describe('secrets', () => {
  const sealing = (backend = 'gnome_libsecret', available = true) =>
    ({
      isAsyncEncryptionAvailable: async () => available,
      getSelectedStorageBackend: () => backend,
      encryptStringAsync: async (text: string) => Buffer.from(`<${Buffer.from(text).toString('hex')}>`),
      decryptStringAsync: async (bytes: Buffer) => {
        const hex = /^<(.*)>$/.exec(String(bytes))?.[1];
        if (hex === undefined) throw new Error('another key');
        return { result: Buffer.from(hex, 'hex').toString(), shouldReEncrypt: false, isTemporarilyUnavailable: false };
      },
    }) as never;

  it('are sealed before they reach a file, and opened again', async () => {
    const path = await folder();
    const store = createSecretStore(createFileStore(path), sealing(), 'linux');
    await store.write('ceremony', 'top secret', { secret: true });
    await store.write('settings', 'plain');
    expect(await readFile(join(path, 'ceremony.json'), 'utf8')).not.toContain('top secret');
    expect(await store.read('ceremony')).toBe('top secret');
    expect(await store.read('settings')).toBe('plain');
    expect((await stat(join(path, 'ceremony.json'))).mode & 0o777).toBe(0o600);
  });

  for (const [name, storage] of [
    ['only obfuscation', sealing('basic_text')],
    ['no back end known', sealing('unknown')],
    ['no encryption', sealing('kwallet6', false)],
  ] as const) {
    it(`are refused, not written in plain, where there is ${name}`, async () => {
      const path = await folder();
      const store = createSecretStore(createFileStore(path), storage, 'linux');
      await expect(store.write('ceremony', 'top secret', { secret: true })).rejects.toMatchObject({
        code: 'secret-store-unsafe',
      });
      expect(await store.read('ceremony')).toBeUndefined();
    });
  }

  it('that the system can no longer open are unreadable, not lost', async () => {
    const path = await folder();
    await createFileStore(path).write('ceremony', `sealed:${Buffer.from('other').toString('base64')}`);
    const store = createSecretStore(createFileStore(path), sealing(), 'linux');
    await expect(store.read('ceremony')).rejects.toMatchObject({ code: 'state-unreadable' });
    expect(await createFileStore(path).read('ceremony')).toMatch(/^sealed:/);
  });
});

describe('what the system shows', () => {
  it('is one notification for each change, none at the start, none while the person looks', () => {
    const told: string[] = [];
    let looking = false;
    const look = createNews(
      (screen) => told.push(screen),
      () => looking,
    );
    const at = (change: object) => look(aSnapshot({ state: { kind: 'enrolled', device: aDevice(change) } }));
    at({});
    at({});
    at({ approval: 'approved' });
    at({ approval: 'approved', version: 9 });
    look(
      aSnapshot({
        state: { kind: 'enrolled', device: aDevice({ approval: 'approved' }) },
        connection: { kind: 'online' },
      }),
    );
    expect(told).toEqual(['approved']);
    looking = true;
    at({ lifecycle: 'quarantined', approval: 'approved' });
    expect(told).toEqual(['approved']);
    looking = false;
    at({ approval: 'refused' });
    expect(told).toEqual(['approved', 'refused']);
    look(aSnapshot({ state: { kind: 'signed-out', serverUrl: null, team: null } }));
    at({});
    expect(told).toEqual(['approved', 'refused']);
  });

  it('is in the language of the person, and says offline and demo', () => {
    expect(textsFor('system', 'de-AT').open).toBe('Muster öffnen');
    expect(textsFor('system', 'fr').open).toBe('Open Muster');
    expect(textsFor('en', 'de').open).toBe('Open Muster');
    const reason = { code: 'server-unreachable' as const, title: '', detail: '', advice: '', correlationId: null };
    const connection = { kind: 'offline' as const, since: '2030-01-01T00:00:00Z', lastKnownAt: null, reason };
    expect(statusLine(aSnapshot({ connection, demo: true }), textsFor('en', ''))).toBe(
      'Waiting for approval (offline) · demo',
    );
  });
});

describe('start at login', () => {
  it('writes and removes an autostart entry on Linux', async () => {
    const configFolder = await folder();
    const app = { setLoginItemSettings: () => {} };
    const parts = { app, platform: 'linux', executable: '/opt/Mu"ster/$app', configFolder } as const;
    await setStartAtLogin(true, parts);
    const entry = await readFile(join(configFolder, 'autostart/muster-app.desktop'), 'utf8');
    expect(entry).toContain(String.raw`Exec="/opt/Mu\\"ster/\\$app" --hidden`);
    await setStartAtLogin(false, parts);
    await expect(stat(join(configFolder, 'autostart/muster-app.desktop'))).rejects.toThrow();
    await setStartAtLogin(false, parts);
  });

  it('asks the system elsewhere', async () => {
    const asked: unknown[] = [];
    const app = { setLoginItemSettings: (settings: object) => void asked.push(settings) };
    await setStartAtLogin(true, { app, platform: 'win32', executable: '', configFolder: '' });
    expect(asked).toEqual([{ openAtLogin: true, args: ['--hidden'] }]);
  });
});

describe('surroundings', () => {
  it('takes nothing from its environment when it is packaged', () => {
    const environment = {
      MUSTER_SERVER_URL: 'https://evil.example',
      MUSTER_TCTI: 'swtpm:',
      MUSTER_USER_DATA: '/tmp/x',
    };
    expect(developmentSettings(true, environment)).toEqual({
      serverUrl: undefined,
      tcti: undefined,
      userData: undefined,
    });
    expect(developmentSettings(false, environment).serverUrl).toBe('https://evil.example');
  });

  it('translate the proxy that IT set', () => {
    expect(proxyConfig('system')).toEqual({ mode: 'system' });
    expect(proxyConfig('direct')).toEqual({ mode: 'direct' });
    expect(proxyConfig('https://proxy.example/proxy.pac')).toEqual({
      mode: 'pac_script',
      pacScript: 'https://proxy.example/proxy.pac',
    });
    expect(proxyConfig('http://proxy.example:3128')).toMatchObject({
      mode: 'fixed_servers',
      proxyRules: 'http://proxy.example:3128',
    });
    expect(proxyConfig('https://proxy.example')).toMatchObject({ proxyRules: 'https://proxy.example' });
  });

  it('take from Chromium the first proxy that Node can speak to', () => {
    expect(proxyIn('DIRECT')).toBeUndefined();
    expect(proxyIn('PROXY proxy.example:3128; DIRECT')).toBe('http://proxy.example:3128');
    expect(proxyIn('SOCKS5 socks.example:1080; HTTPS proxy.example:443')).toBe('socks5://socks.example:1080');
    expect(proxyIn('HTTPS proxy.example:443; SOCKS5 socks.example:1080')).toBe('https://proxy.example:443');
    expect(proxyIn('SOCKS socks.example:1080; DIRECT; PROXY proxy.example:3128')).toBeUndefined();
    expect(proxyIn('')).toBeUndefined();
  });

  it('keep a log that its owner alone reads and that does not grow for ever', async () => {
    const path = join(await folder(), 'logs/muster.log');
    const write = createLogFile(path);
    const line = `${'x'.repeat(1023)}\n`;
    for (let count = 0; count < 2100; count += 1) write(line);
    expect((await stat(path)).size).toBeLessThan(1024 * 100);
    expect((await stat(`${path}.1`)).size).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});
