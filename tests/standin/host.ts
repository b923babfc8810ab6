import { type BrowserContext, chromium } from 'playwright-core';

/** The one Chromium behind all stand-in windows, and what its tests may ask for. */
export type Host = { context: BrowserContext; close(): Promise<void> };

let host: Promise<Host> | undefined;

export function startHost(): Promise<Host> {
  host ??= launch();
  return host;
}

export async function stopHost(): Promise<void> {
  const running = await host;
  await running?.close();
}

async function launch(): Promise<Host> {
  const { STANDIN_CHROMIUM: executablePath, STANDIN_PROFILE: profile } = process.env;
  if (!executablePath || !profile)
    throw new Error('STANDIN_CHROMIUM and STANDIN_PROFILE name no Chromium and no folder.');
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: null,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--remote-debugging-port=0',
    ],
  });
  return {
    context,
    close: () => context.close(),
  };
}

/** `app://window/path` is `https://window.app.test/path` in Chromium: a secure, standard origin that its policies understand. */
export const toWeb = (url: string) => url.replace(/^([a-z]+):\/\/([^/]+)/, 'https://$2.$1.test');
export const fromWeb = (url: string) => url.replace(/^https:\/\/([^./]+)\.([a-z]+)\.test/, '$2://$1');
