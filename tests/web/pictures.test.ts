import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath } from './chromium.ts';
import { root } from './gallery.ts';
import { COMPARED, lookName, openStudio, type Studio } from './pictures.ts';

const GOLDEN = join(root, 'tests/web/golden');
const recorded = readFileSync(join(GOLDEN, 'chromium.txt'), 'utf8').trim();
/** Share of pixels that may differ, and how much one channel of a pixel may before it counts. */
const TOLERANCE = { share: 0.004, channel: 40 };

function installed(): string {
  const path = chromiumPath();
  if (!path) return 'none';
  const run = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return /\d+(\.\d+)+/.exec(run.stdout ?? '')?.[0] ?? 'unknown';
}

/** `npm run screenshots` records them anew. */
describe.skipIf(installed() !== recorded)(`pictures of the window (needs Chromium ${recorded})`, () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  /** Share of pixels that differ; decoded by the browser, whose page needs no policy for that. */
  async function difference(a: Uint8Array, b: Uint8Array): Promise<number> {
    const urls = [a, b].map((png) => `data:image/png;base64,${Buffer.from(png).toString('base64')}`);
    await studio.page.goto('about:blank');
    return studio.page.evaluate(
      async ({ urls, channel }) => {
        const [first, second] = await Promise.all(
          urls.map(async (url) => {
            const image = new Image();
            image.src = url;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext('2d');
            context?.drawImage(image, 0, 0);
            return context?.getImageData(0, 0, image.width, image.height);
          }),
        );
        if (!first || !second || first.width !== second.width || first.height !== second.height) return 1;
        let differing = 0;
        for (let at = 0; at < first.data.length; at += 4) {
          const far = [0, 1, 2].some(
            (one) => Math.abs((first.data[at + one] ?? 0) - (second.data[at + one] ?? 0)) > channel,
          );
          if (far) differing += 1;
        }
        return differing / (first.data.length / 4);
      },
      { urls, channel: TOLERANCE.channel },
    );
  }

  test.each(COMPARED)('%s looks as recorded', async (name, look) => {
    const golden = await readFile(join(GOLDEN, `${name}.png`));
    const now = await studio.picture(name, look);
    const share = await difference(golden, now);
    if (share > TOLERANCE.share) {
      await mkdir(join(root, '.work/pictures'), { recursive: true });
      await writeFile(join(root, `.work/pictures/${name}-${lookName(look)}.png`), now);
    }
    expect(
      share,
      `share of pixels that differ; what was drawn is in .work/pictures/${name}-${lookName(look)}.png`,
    ).toBeLessThanOrEqual(TOLERANCE.share);
  });

  test('another screen is told apart', async () => {
    const [waiting, refused] = await Promise.all(
      ['waiting', 'refused'].map((name) => readFile(join(GOLDEN, `${name}.png`))),
    );
    expect(await difference(waiting ?? Buffer.of(), refused ?? Buffer.of())).toBeGreaterThan(TOLERANCE.share * 5);
  });
});
