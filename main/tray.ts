import { join } from 'node:path';
import type { Menu, nativeImage, Tray } from 'electron';
import type { AppSnapshot } from '../contract/index.ts';
import { statusLine, type Texts } from './texts.ts';

export type TrayActions = { open(): void; refresh(): void; quit(): void };

/** The tray or menu-bar item: the state in a line, and the few actions that make sense in it. */
export function createTray(parts: {
  Tray: typeof Tray;
  Menu: typeof Menu;
  nativeImage: typeof nativeImage;
  folder: string;
  platform: NodeJS.Platform;
  actions: TrayActions;
}): (snapshot: AppSnapshot, texts: Texts) => void {
  const { platform, actions } = parts;
  const file = platform === 'darwin' ? 'trayTemplate.png' : platform === 'win32' ? 'tray16.png' : 'tray32.png';
  const image = parts.nativeImage.createFromPath(join(parts.folder, file));
  if (platform === 'darwin') image.setTemplateImage(true);
  const tray = new parts.Tray(image);
  tray.on('click', actions.open);
  let shown = '';
  return (snapshot, texts) => {
    const status = statusLine(snapshot, texts);
    const enrolled = snapshot.state.kind === 'enrolled';
    const look = JSON.stringify([status, enrolled, texts.open]);
    if (look === shown) return;
    shown = look;
    tray.setToolTip(`Muster: ${status}`);
    tray.setContextMenu(
      parts.Menu.buildFromTemplate([
        { label: status, enabled: false },
        { type: 'separator' },
        { label: texts.open, click: actions.open },
        ...(enrolled ? [{ label: texts.refresh, click: actions.refresh }] : []),
        { type: 'separator' as const },
        { label: texts.quit, click: actions.quit },
      ]),
    );
  };
}
