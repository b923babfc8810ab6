import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import type { Logger } from '../app/ports.ts';
import type { AppSnapshot, Bridge } from '../contract/bridge.ts';
import { CALL_CHANNEL, SNAPSHOT_CHANNEL } from './channels.ts';
import type { Dispatch, DispatchAnswer } from './dispatcher.ts';
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

/** The core's answers: to the window's own calls, and the one to everybody else's. */
export type Calls = { dispatch: Dispatch; foreign: DispatchAnswer };

/**
 * One channel, one dispatcher. SECURITY: docs/security.md, row 17: the sender is checked before anything of the call is looked at. It must be
 * a main frame (no parent) of a window that this process made, showing the window's own pages; a frame that is gone is null.
 * The window may be there before the core is: its calls wait.
 */
export function bindIpc(
  ipcMain: Pick<IpcMain, 'handle'>,
  calls: Promise<Calls>,
  windows: WindowRegistry,
  log: Logger,
): void {
  ipcMain.handle(CALL_CHANNEL, async (event, call: unknown): Promise<DispatchAnswer> => {
    const own = isOwnWindow(event, windows);
    const { dispatch, foreign } = await calls;
    if (!own) {
      log.warn('a call from a foreign sender was refused');
      return foreign;
    }
    const { method, params } = typeof call === 'object' && call !== null ? (call as Record<string, unknown>) : {};
    return dispatch(method, params);
  });
}

/** Every change goes to every window, as the contract knows it. */
export function sendSnapshots(
  bridge: Bridge,
  windows: WindowRegistry,
  check: (snapshot: AppSnapshot) => AppSnapshot,
): void {
  bridge.subscribe((snapshot) => {
    const checked = check(snapshot);
    for (const contents of windows.all()) if (!contents.isDestroyed()) contents.send(SNAPSHOT_CHANNEL, checked);
  });
}

function isOwnWindow(event: Pick<IpcMainInvokeEvent, 'sender' | 'senderFrame'>, windows: WindowRegistry): boolean {
  const { sender, senderFrame } = event;
  return senderFrame !== null && senderFrame.parent === null && windows.has(sender.id) && isWindowUrl(senderFrame.url);
}
