/** `node build/run.mjs build/icons.ts`: draws every icon of the app. The results are committed, so that packaging fetches no icon tool. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { icns, ico, png } from './iconFormats.ts';
import { drawIcon, drawTray, iconSvg } from './iconShapes.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
mkdirSync(`${folder}icons`, { recursive: true });
mkdirSync(`${folder}tray`, { recursive: true });

writeFileSync(`${folder}icon.svg`, iconSvg());
writeFileSync(`${folder}icon.ico`, ico([16, 20, 24, 32, 40, 48, 64, 128, 256].map(drawIcon)));
writeFileSync(`${folder}icon.icns`, icns(drawIcon));
for (const size of [16, 24, 32, 48, 64, 128, 256, 512]) {
  writeFileSync(`${folder}icons/${size}x${size}.png`, png(drawIcon(size)));
}
// Electron takes a picture whose name ends in Template for a macOS template image, and @2x for Retina.
for (const [name, size] of [
  ['trayTemplate', 16],
  ['trayTemplate@2x', 32],
] as const) {
  writeFileSync(`${folder}tray/${name}.png`, png(drawTray(size)));
}
for (const size of [16, 32]) writeFileSync(`${folder}tray/tray${size}.png`, png(drawIcon(size)));
