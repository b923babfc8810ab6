import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import type { AppSnapshot, Bridge, UserError } from '../contract/bridge.ts';
import type { PRELOAD_BRIDGE } from '../contract/webBridge.ts';
import { CALL_CHANNEL, SNAPSHOT_CHANNEL } from './channels.ts';

// SECURITY: docs/security.md, rows 4 and 20. One bundled file that requires only electron; zod stays in the main process, which checks every
// call. The page gets two functions and plain data: neither ipcRenderer nor an event object.
const NAME: typeof PRELOAD_BRIDGE = 'musterBridge';

type Answer = { result: unknown } | { error: UserError };

const bridge: Bridge = {
  async invoke(method, params) {
    const answer = (await ipcRenderer.invoke(CALL_CHANNEL, { method, params })) as Answer;
    // A plain object: of an Error, only the message would cross into the page's world.
    if ('error' in answer) return Promise.reject({ error: answer.error });
    return answer.result as never;
  },
  subscribe(listener) {
    const deliver = (_event: IpcRendererEvent, snapshot: AppSnapshot) => listener(snapshot);
    ipcRenderer.on(SNAPSHOT_CHANNEL, deliver);
    return () => {
      ipcRenderer.off(SNAPSHOT_CHANNEL, deliver);
    };
  },
};

contextBridge.exposeInMainWorld(NAME, bridge);
