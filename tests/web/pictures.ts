import type { Page } from 'playwright-core';
import { NOW, SNAPSHOTS, type SnapshotName } from '../../renderer/gallery/fixtures.ts';
import { type OpenBrowser, openChromium } from './chromium.ts';
import { drawWithBundledFont, type Gallery, serveGallery, stopClock } from './gallery.ts';

export type Look = { scheme: 'light' | 'dark'; language: 'en' | 'de' };
export const LOOKS: readonly Look[] = [
  { scheme: 'light', language: 'en' },
  { scheme: 'dark', language: 'en' },
  { scheme: 'light', language: 'de' },
  { scheme: 'dark', language: 'de' },
];
export const lookName = ({ scheme, language }: Look): string => `${scheme}-${language}`;

/** The screens that are compared with their recorded pictures, each in one look; together they show every look and every tone. */
export const COMPARED: readonly (readonly [SnapshotName, Look])[] = [
  ['signed-out', { scheme: 'light', language: 'en' }],
  ['signed-out-no-server', { scheme: 'dark', language: 'de' }],
  ['review', { scheme: 'light', language: 'de' }],
  ['signing-in', { scheme: 'dark', language: 'en' }],
  ['enrolling', { scheme: 'light', language: 'en' }],
  ['waiting', { scheme: 'light', language: 'de' }],
  ['approved', { scheme: 'dark', language: 'en' }],
  ['approved-demo', { scheme: 'light', language: 'en' }],
  ['refused', { scheme: 'light', language: 'en' }],
  ['conflict', { scheme: 'dark', language: 'de' }],
  ['offline', { scheme: 'light', language: 'en' }],
  ['failed', { scheme: 'dark', language: 'de' }],
];

export type Studio = {
  page: Page;
  version: string;
  /** The window at one state, as PNG. */
  picture(name: SnapshotName, look: Look): Promise<Uint8Array>;
  close(): Promise<void>;
};

/** A Chromium that draws the gallery with the bundled font, a stopped clock and nothing that moves. */
export async function openStudio(): Promise<Studio> {
  const gallery: Gallery = await serveGallery('renderer');
  const browser: OpenBrowser = await openChromium({
    viewport: { width: 440, height: 640 },
    reducedMotion: 'reduce',
    locale: 'en-US',
    timezoneId: 'Europe/Berlin',
    deviceScaleFactor: 1,
  });
  const { page } = browser;
  await stopClock(page, NOW);
  return {
    page,
    version: browser.context.browser()?.version() ?? '',
    async picture(name, { scheme, language }) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(`${gallery.url}?${new URLSearchParams({ state: name, language, look: scheme })}`);
      await page.locator('h1').waitFor();
      await drawWithBundledFont(page);
      return page.screenshot({ animations: 'disabled', caret: 'hide' });
    },
    async close() {
      await browser.close();
      await gallery.close();
    },
  };
}

export const NAMES = Object.keys(SNAPSHOTS) as SnapshotName[];
