/**
 * `npm run screenshots`: draws every state of the window, light and dark, in English and German, as contact sheets into
 * docs/screenshots/, and records the pictures that tests/web/pictures.test.ts compares with. Needs Chromium.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openChromium } from './chromium.ts';
import { root } from './gallery.ts';
import { COMPARED, LOOKS, lookName, NAMES, openStudio } from './pictures.ts';

const SHEETS = join(root, 'docs/screenshots');
const GOLDEN = join(root, 'tests/web/golden');
const COLUMNS = 6;
const THUMB = 260;

/** All pictures of one look on one sheet, each with the name of its state below. */
async function sheet(pictures: readonly (readonly [string, Uint8Array])[], dark: boolean): Promise<Uint8Array> {
  const browser = await openChromium({
    viewport: { width: COLUMNS * (THUMB + 16) + 16, height: 600 },
    deviceScaleFactor: 1,
  });
  try {
    const cells = pictures.map(
      ([name, png]) =>
        `<figure><img width="${THUMB}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"><figcaption>${name}</figcaption></figure>`,
    );
    await browser.page.setContent(
      `<style>body{margin:8px;display:flex;flex-wrap:wrap;background:${dark ? '#3a3d44' : '#c9cdd6'};color:${dark ? '#fff' : '#000'};font:12px sans-serif}figure{margin:8px}img{display:block;border-radius:8px}figcaption{padding:4px}</style>${cells.join('')}`,
    );
    return await browser.page.screenshot({ fullPage: true });
  } finally {
    await browser.close();
  }
}

await mkdir(SHEETS, { recursive: true });
await mkdir(GOLDEN, { recursive: true });
const studio = await openStudio();
try {
  for (const look of LOOKS) {
    const pictures: [string, Uint8Array][] = [];
    for (const name of NAMES) pictures.push([name, await studio.picture(name, look)]);
    await writeFile(join(SHEETS, `window-${lookName(look)}.png`), await sheet(pictures, look.scheme === 'dark'));
    console.log(`docs/screenshots/window-${lookName(look)}.png: ${pictures.length} states`);
  }
  for (const [name, look] of COMPARED) await writeFile(join(GOLDEN, `${name}.png`), await studio.picture(name, look));
  await writeFile(join(GOLDEN, 'chromium.txt'), `${studio.version}\n`);
  console.log(`tests/web/golden: ${COMPARED.length} pictures of Chromium ${studio.version}`);
} finally {
  await studio.close();
}
