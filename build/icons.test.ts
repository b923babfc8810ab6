import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { png } from './iconFormats.ts';
import { drawIcon, drawTray, iconSvg } from './iconShapes.ts';

const committed = (name: string) => readFileSync(new URL(name, import.meta.url));

/** The pixels of a PNG that this room wrote: one filter type, one IDAT. */
function pixels(file: Buffer): Buffer {
  const at = file.indexOf('IDAT');
  return inflateSync(file.subarray(at + 4, at + 4 + file.readUInt32BE(at - 4)));
}

describe('the committed icons', () => {
  it.each([16, 32, 64])('are what the drawing gives at %i pixels', (size) => {
    expect(pixels(committed(`icons/${size}x${size}.png`)).equals(pixels(png(drawIcon(size))))).toBe(true);
  });

  it('include the drawing itself and the tray’s', () => {
    expect(committed('icon.svg').toString()).toBe(iconSvg());
    expect(pixels(committed('tray/trayTemplate@2x.png')).equals(pixels(png(drawTray(32))))).toBe(true);
  });

  it('have the sizes that Windows and macOS ask for', () => {
    const ico = committed('icon.ico');
    const sizes = Array.from({ length: ico.readUInt16LE(4) }, (_, i) => ico[6 + 16 * i] || 256);
    expect(sizes).toEqual([16, 20, 24, 32, 40, 48, 64, 128, 256]);
    const icns = committed('icon.icns');
    expect(icns.readUInt32BE(4)).toBe(icns.length);
    const types: string[] = [];
    for (let at = 8; at < icns.length; at += icns.readUInt32BE(at + 4)) types.push(icns.toString('latin1', at, at + 4));
    expect(types).toEqual(['ic11', 'ic12', 'ic07', 'ic13', 'ic08', 'ic14', 'ic09', 'ic10']);
  });
});
