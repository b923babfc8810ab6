/**
 * Scripts for the two JavaScript worlds of a page, as Electron has them with contextIsolation: the preload runs in an isolated world that
 * DevTools makes, the page in the main one. Data crosses as JSON through DOM events with a name that nobody else knows; functions become
 * numbers. What JSON loses (undefined, typed arrays, Map, Date), Electron's structured clone keeps: nothing of the bridge uses it.
 */
export const ISOLATED_WORLD = 'Electron Isolated Context';
/** DevTools binding, visible in the isolated world only. */
export const TO_HOST = '__standinToHost';
/** Function that the host evaluates in the isolated world. */
export const FROM_HOST = '__standinFromHost';

/** Runs the built CommonJS preload with a `require` that knows `electron` alone, as in Electron's sandbox. */
export function isolatedScript(preload: string, secret: string): string {
  return `(() => {
  if (window !== window.top) return; // as with nodeIntegrationInSubFrames: false
  const toHost = globalThis.${TO_HOST};
  const waiting = new Map(), listeners = new Map(), apis = new Map();
  let next = 1;
  const say = (message) => document.dispatchEvent(new CustomEvent('${secret}:page', { detail: JSON.stringify(message) }));
  globalThis.${FROM_HOST} = (text) => {
    const message = JSON.parse(text);
    if (message.kind === 'event') {
      for (const listener of listeners.get(message.channel) ?? []) listener({}, ...message.args);
    } else {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.kind === 'result') resolve(message.value);
      else reject(new Error(message.text));
    }
  };
  const ipcRenderer = {
    invoke: (channel, ...args) => new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      toHost(JSON.stringify({ id, channel, args }));
    }),
    on: (channel, listener) => { listeners.set(channel, [...(listeners.get(channel) ?? []), listener]); },
    off: (channel, listener) => { listeners.set(channel, (listeners.get(channel) ?? []).filter((known) => known !== listener)); },
  };
  const handles = new Map();
  const plain = (value) => {
    if (typeof value !== 'function') return value;
    const id = next++;
    handles.set(id, value);
    return { __handle: id };
  };
  const revive = (value) =>
    value && value.__callback ? (data) => say({ kind: 'callback', id: value.__callback, data }) : value;
  document.addEventListener('${secret}:isolated', ({ detail }) => {
    const message = JSON.parse(detail);
    if (message.kind === 'ready') { for (const [name, api] of apis) say({ kind: 'expose', name, methods: Object.keys(api) }); return; }
    const target = message.handle ? handles.get(message.handle) : apis.get(message.name)[message.method];
    const settle = (kind) => (value) => say({ kind, id: message.id, value });
    const failed = (error) => settle('reject')(error instanceof Error ? { message: error.message } : error);
    try {
      const value = target(...message.args.map(revive));
      if (value && typeof value.then === 'function') value.then(settle('resolve'), failed);
      else say({ kind: 'returned', id: message.id, value: plain(value) });
    } catch (error) { failed(error); }
  });
  const contextBridge = {
    exposeInMainWorld: (name, api) => {
      apis.set(name, api);
      say({ kind: 'expose', name, methods: Object.keys(api) });
    },
  };
  const known = (name, object) => new Proxy(object, { get: (target, key) => {
    if (key in target || typeof key === 'symbol') return target[key];
    throw new Error('The stand-in for electron does not implement ' + name + '.' + String(key));
  } });
  const electron = { contextBridge: known('contextBridge', contextBridge), ipcRenderer: known('ipcRenderer', ipcRenderer) };
  const load = (name) => { if (name === 'electron') return electron; throw new Error('A sandboxed preload cannot require ' + name); };
  (function (require, exports, module) { ${preload}
  })(load, {}, { exports: {} });
})()`;
}

/** Puts what the preload exposed on the page's \`window\`: frozen, functions only, nothing of the isolated world itself. */
export function mainScript(secret: string): string {
  return `(() => {
  if (window !== window.top) return;
  const waiting = new Map(), callbacks = new Map();
  let next = 1;
  const say = (message) => document.dispatchEvent(new CustomEvent('${secret}:isolated', { detail: JSON.stringify(message) }));
  const pass = (value) => {
    if (typeof value !== 'function') return value;
    const id = next++;
    callbacks.set(id, value);
    return { __callback: id };
  };
  const call = (target, args) => {
    const id = next++;
    let returned, settled = false;
    const promise = new Promise((resolve, reject) => waiting.set(id, {
      resolve, reject, returned: (value) => { settled = true; returned = value; },
    }));
    say({ ...target, id, args: args.map(pass) });
    if (!settled) return promise;
    waiting.delete(id);
    return returned && returned.__handle ? (...more) => call({ handle: returned.__handle }, more) : returned;
  };
  document.addEventListener('${secret}:page', ({ detail }) => {
    const message = JSON.parse(detail);
    if (message.kind === 'expose') {
      const api = {};
      for (const method of message.methods) api[method] = (...args) => call({ name: message.name, method }, args);
      if (!(message.name in window)) Object.defineProperty(window, message.name, { value: Object.freeze(api) });
      return;
    }
    if (message.kind === 'callback') return void callbacks.get(message.id)?.(message.data);
    const entry = waiting.get(message.id);
    if (message.kind !== 'returned') waiting.delete(message.id);
    entry?.[message.kind === 'returned' ? 'returned' : message.kind](message.value);
  });
  say({ kind: 'ready' });
})()`;
}
