import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from './iconShapes.ts';

/** PNG (ISO/IEC 15948), 8-bit RGBA, each row filtered by the row above (type 2), which suits gradients. */
export function png({ size, rgba }: Picture): Buffer {
  const stride = size * 4;
  const rows = Buffer.alloc(size * (stride + 1));
  for (let y = 0; y < size; y++) {
    rows[y * (stride + 1)] = 2;
    for (let x = 0; x < stride; x++) {
      const above = y === 0 ? 0 : (rgba[(y - 1) * stride + x] ?? 0);
      rows[y * (stride + 1) + 1 + x] = ((rgba[y * stride + x] ?? 0) - above) & 0xff;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** Windows icon: a directory of PNG pictures (Windows Vista and later). */
export function ico(pictures: readonly Picture[]): Buffer {
  const images = pictures.map(png);
  const directory = Buffer.alloc(6 + 16 * images.length);
  directory.writeUInt16LE(1, 2);
  directory.writeUInt16LE(images.length, 4);
  let offset = directory.length;
  images.forEach((image, index) => {
    const entry = 6 + 16 * index;
    // 0 stands for 256.
    const side = (pictures[index]?.size ?? 0) % 256;
    directory.set([side, side], entry);
    directory.writeUInt16LE(1, entry + 4);
    directory.writeUInt16LE(32, entry + 6);
    directory.writeUInt32LE(image.length, entry + 8);
    directory.writeUInt32LE(offset, entry + 12);
    offset += image.length;
  });
  return Buffer.concat([directory, ...images]);
}

/** Apple icon: each type code says the size in points and whether it is for a Retina screen. */
const ICNS_TYPES: readonly (readonly [type: string, size: number])[] = [
  ['ic11', 32],
  ['ic12', 64],
  ['ic07', 128],
  ['ic13', 256],
  ['ic08', 256],
  ['ic14', 512],
  ['ic09', 512],
  ['ic10', 1024],
];

export function icns(draw: (size: number) => Picture): Buffer {
  const images = new Map([...new Set(ICNS_TYPES.map(([, size]) => size))].map((size) => [size, png(draw(size))]));
  const parts = ICNS_TYPES.map(([type, size]) => {
    const image = images.get(size) as Buffer;
    const header = Buffer.alloc(8);
    header.write(type, 'latin1');
    header.writeUInt32BE(image.length + 8, 4);
    return Buffer.concat([header, image]);
  });
  const header = Buffer.alloc(8);
  header.write('icns', 'latin1');
  header.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 4);
  return Buffer.concat([header, ...parts]);
}
