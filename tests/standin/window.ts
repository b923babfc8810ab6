import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import type * as Electron from 'electron';
import type { CDPSession, Page, Route } from 'playwright-core';
import { fromWeb, startHost, toWeb } from './host.ts';
import { FROM_HOST, ISOLATED_WORLD, isolatedScript, mainScript, TO_HOST } from './worlds.ts';

type Handler = (event: Electron.IpcMainInvokeEvent, ...args: unknown[]) => unknown;
type SchemeHandler = (request: Request) => Response | Promise<Response>;

/** What the rest of the stand-in registers here. */
export const handlers = new Map<string, Handler>();
export const schemes = new Map<string, SchemeHandler>();
export const createdContents: ((contents: StandInContents) => void)[] = [];

let lastId = 0;

class StandInContents extends EventEmitter {
  readonly id = ++lastId;
  url = '';
  openHandler: ((details: { url: string }) => { action: string }) | undefined;
  destroyed = false;
  zoom: (factor: number) => void = () => undefined;
  #zoomFactor = 1;
  deliver: (message: unknown) => void = () => undefined;
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.openHandler = handler;
  }
  getURL(): string {
    return this.url;
  }
  isDestroyed(): boolean {
    return this.destroyed;
  }
  getZoomFactor(): number {
    return this.#zoomFactor;
  }
  setZoomFactor(factor: number): void {
    this.#zoomFactor = factor;
    this.zoom(factor);
  }
  send(channel: string, ...args: unknown[]): void {
    this.deliver({ kind: 'event', channel, args });
  }
}

export type { StandInContents };

/** A window is a page of a real Chromium; preload and page have worlds of their own. */
export class StandInWindow extends EventEmitter {
  static readonly all: StandInWindow[] = [];
  readonly webContents = new StandInContents();
  readonly options: Electron.BrowserWindowConstructorOptions;
  readonly page: Promise<Page>;
  #visible = false;
  #closing = false;

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super();
    const { contextIsolation, sandbox, nodeIntegration } = options.webPreferences ?? {};
    if (contextIsolation !== true || sandbox !== true || nodeIntegration !== false) {
      throw new Error('The stand-in shows only sandboxed windows with an isolated preload and without Node.');
    }
    this.options = options;
    this.#visible = options.show !== false;
    StandInWindow.all.push(this);
    for (const created of createdContents) created(this.webContents);
    this.page = this.#open();
    this.page.catch(() => undefined);
  }

  async #open(): Promise<Page> {
    const { context } = await startHost();
    const page = await context.newPage();
    const { width = 800, height = 600 } = this.options;
    await page.setViewportSize({ width, height });
    const session = await context.newCDPSession(page);
    // The zoom of a page: as many of its pixels fewer as each is larger.
    this.webContents.zoom = (factor) => {
      const metrics = { width: Math.round(width / factor), height: Math.round(height / factor) };
      session
        .send('Emulation.setDeviceMetricsOverride', { ...metrics, deviceScaleFactor: factor, mobile: false })
        .catch(() => undefined);
    };
    await this.#installWorlds(session);
    await page.route('**/*', (route) => this.#answer(route));
    page.on('popup', (popup) => {
      const answer = this.webContents.openHandler?.({ url: fromWeb(popup.url()) }) ?? { action: 'allow' };
      if (answer.action === 'deny') void popup.close();
    });
    page.on('close', () => this.#closed());
    return page;
  }

  async #installWorlds(session: CDPSession): Promise<void> {
    const contexts = new Map<number, { frameId: string; world: string }>();
    let current: number | undefined;
    const mainFrame = ((await session.send('Page.getFrameTree')) as { frameTree: { frame: { id: string } } }).frameTree
      .frame.id;
    session.on('Runtime.executionContextCreated', ({ context }) => {
      const { frameId } = context.auxData as { frameId: string };
      contexts.set(context.id, { frameId, world: context.name });
      if (context.name === ISOLATED_WORLD && frameId === mainFrame) current = context.id;
    });
    session.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      contexts.delete(executionContextId);
      if (current === executionContextId) current = undefined;
    });
    this.webContents.deliver = (message) => {
      if (current !== undefined) deliver(current, message);
    };
    const deliver = (contextId: number, message: unknown) => {
      const expression = `${FROM_HOST}(${JSON.stringify(JSON.stringify(message))})`;
      // A page that is gone meanwhile has nobody to tell.
      session.send('Runtime.evaluate', { contextId, expression }).catch(() => undefined);
    };
    session.on('Runtime.bindingCalled', async ({ name, payload, executionContextId }) => {
      if (name !== TO_HOST) return;
      const { id, channel, args } = JSON.parse(payload) as { id: number; channel: string; args: unknown[] };
      const frame = await this.#senderFrame(contexts.get(executionContextId)?.frameId, session);
      try {
        const handler = handlers.get(channel);
        if (!handler) throw new Error(`No handler registered for '${channel}'`);
        const event = { sender: this.webContents, senderFrame: frame } as unknown as Electron.IpcMainInvokeEvent;
        deliver(executionContextId, { kind: 'result', id, value: await handler(event, ...args) });
      } catch (error) {
        deliver(executionContextId, { kind: 'error', id, text: String(error) });
      }
    });
    await session.send('Runtime.enable');
    await session.send('Page.enable');
    await session.send('Runtime.addBinding', { name: TO_HOST, executionContextName: ISOLATED_WORLD });
    const secret = randomBytes(16).toString('hex');
    const preload = await readFile(String(this.options.webPreferences?.preload), 'utf8');
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source: mainScript(secret) });
    await session.send('Page.addScriptToEvaluateOnNewDocument', {
      source: isolatedScript(preload, secret),
      worldName: ISOLATED_WORLD,
    });
  }

  /** URL and parent of the frame that called, from the browser itself: what a sender check may rely on. */
  async #senderFrame(frameId: string | undefined, session: CDPSession) {
    type Tree = { frame: { id: string; url: string; parentId?: string }; childFrames?: Tree[] };
    const { frameTree } = (await session.send('Page.getFrameTree')) as { frameTree: Tree };
    const find = (tree: Tree): Tree['frame'] | undefined =>
      tree.frame.id === frameId ? tree.frame : tree.childFrames?.map(find).find((frame) => frame !== undefined);
    const frame = find(frameTree);
    return frame ? { url: fromWeb(frame.url), parent: frame.parentId === undefined ? null : { url: '' } } : null;
  }

  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const url = fromWeb(request.url());
    if (
      request.isNavigationRequest() &&
      url !== this.#pending &&
      this.#navigationRefused(request.frame().parentFrame() !== null, url)
    ) {
      await route.fulfill({ status: 204 });
      return;
    }
    const handler = schemes.get(new URL(url).protocol.slice(0, -1));
    if (!handler) {
      await route.abort('blockedbyclient');
      return;
    }
    const response = await handler(new Request(url, { method: request.method() }));
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    });
  }

  #pending = '';

  /** A navigation that the page started: the app's listeners may prevent it; on 204 Chromium stays where it is. */
  #navigationRefused(subframe: boolean, url: string): boolean {
    let prevented = false;
    const event = { url, isMainFrame: !subframe, preventDefault: () => (prevented = true) };
    if (!subframe) this.webContents.emit('will-navigate', event, url);
    this.webContents.emit('will-frame-navigate', event);
    return prevented;
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.page;
    this.#pending = url;
    await page.goto(toWeb(url));
    this.webContents.url = url;
    this.emit('ready-to-show');
  }

  show(): void {
    this.#visible = true;
  }
  focus(): void {
    this.#visible = true;
  }
  restore(): void {
    this.#visible = true;
  }
  isMinimized(): boolean {
    return false;
  }
  isVisible(): boolean {
    return this.#visible && !this.webContents.destroyed;
  }
  /** Nobody looks at a headless window. */
  isFocused(): boolean {
    return false;
  }
  isDestroyed(): boolean {
    return this.webContents.destroyed;
  }
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    void this.page.then((page) => page.close());
  }

  #closed(): void {
    this.webContents.destroyed = true;
    StandInWindow.all.splice(StandInWindow.all.indexOf(this), 1);
    this.webContents.emit('destroyed');
    this.emit('closed');
  }
}
