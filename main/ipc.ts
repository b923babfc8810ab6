import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { AppError, type Logger, toUserError } from '../app/index.ts';
import { AppSnapshot, type Bridge } from '../contract/index.ts';
import { CALL_CHANNEL, SNAPSHOT_CHANNEL } from './channels.ts';
import { createDispatcher, type DispatchAnswer } from './dispatcher.ts';
import { isWindowUrl } from './protocol.ts';

export type WindowRegistry = {
  add(contents: WebContents): void;
  has(id: number): boolean;
  all(): readonly WebContents[];
};

export function createWindowRegistry(): WindowRegistry {
  const known = new Map<number, WebContents>();
  return {
    add(contents) {
      const { id } = contents;
      known.set(id, contents);
      contents.once('destroyed', () => known.delete(id));
    },
    has: (id) => known.has(id),
    all: () => [...known.values()],
  };
}

/**
 * One channel, one dispatcher. SECURITY: docs/security.md, row 17: the sender is checked before anything of the call is looked at. It must be
 * a main frame (no parent) of a window that this process made, showing the window's own pages; a frame that is gone is null.
 */
export function bindIpc(ipcMain: Pick<IpcMain, 'handle'>, bridge: Bridge, windows: WindowRegistry, log: Logger): void {
  const dispatch = createDispatcher(bridge, log);
  ipcMain.handle(CALL_CHANNEL, async (event, call: unknown): Promise<DispatchAnswer> => {
    if (!isOwnWindow(event, windows)) {
      log.warn('a call from a foreign sender was refused');
      return { error: toUserError(new AppError('forbidden', 'Only the window of Muster may call this.')) };
    }
    const { method, params } = typeof call === 'object' && call !== null ? (call as Record<string, unknown>) : {};
    return dispatch(method, params);
  });
  bridge.subscribe((snapshot) => {
    const checked = AppSnapshot.parse(snapshot);
    for (const contents of windows.all()) if (!contents.isDestroyed()) contents.send(SNAPSHOT_CHANNEL, checked);
  });
}

function isOwnWindow(event: Pick<IpcMainInvokeEvent, 'sender' | 'senderFrame'>, windows: WindowRegistry): boolean {
  const { sender, senderFrame } = event;
  return senderFrame !== null && senderFrame.parent === null && windows.has(sender.id) && isWindowUrl(senderFrame.url);
}
