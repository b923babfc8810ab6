/** `node run.ts MAIN`: runs the built main bundle on the stand-in; the parent asks and acts over IPC. */
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Electron from 'electron';
import { record, trayActions } from './record.ts';

const standIn = new URL('./electron.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: standIn, shortCircuit: true } : next(specifier, context),
});

export type Ask =
  | { ask: 'record' }
  | { ask: 'open-url'; url: string }
  | { ask: 'second-instance'; argv: string[] }
  | { ask: 'tray'; label: string }
  | { ask: 'press'; input: Pick<Electron.Input, 'key' | 'control' | 'meta'> }
  | { ask: 'close-windows' }
  | { ask: 'quit' };

const { app } = await import('./electron.ts');
const { StandInWindow } = await import('./window.ts');

process.on('message', async (message: Ask & { id: number }) => {
  process.send?.({ id: message.id, answer: await answer(message) });
});
// The test that started this is gone: leave nothing behind.
process.on('disconnect', () => app.quit());

async function answer(message: Ask): Promise<unknown> {
  switch (message.ask) {
    case 'record':
      return record;
    case 'open-url':
      return void app.emit('open-url', { preventDefault() {} }, message.url);
    case 'second-instance':
      return void app.emit('second-instance', {}, message.argv, process.cwd());
    case 'tray':
      return trayActions.get(message.label)?.();
    case 'press': {
      const input = { type: 'keyDown', alt: false, shift: false, ...message.input };
      for (const { webContents } of StandInWindow.all) {
        webContents.emit('before-input-event', { preventDefault() {} }, input);
      }
      return undefined;
    }
    case 'close-windows':
      for (const window of [...StandInWindow.all]) await (await window.page).close();
      return undefined;
    case 'quit':
      return void app.quit();
    default:
      throw message satisfies never;
  }
}

await import(pathToFileURL(resolve(process.argv[2] ?? 'dist/main/index.js')).href);
