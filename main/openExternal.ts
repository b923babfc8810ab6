import type { Shell } from 'electron';
import { AppError, isLoopback, type SystemBrowser } from '../app/index.ts';

/**
 * The only way from Muster to the person's browser. https only (http to loopback for a server on this machine), and only to the server in
 * use or the documentation; what is opened is the re-serialized address. SECURITY: docs/security.md, row 15.
 */
export function guardedBrowser(shell: Pick<Shell, 'openExternal'>, allowed: () => readonly string[]): SystemBrowser {
  return {
    async open(text) {
      const url = URL.parse(text);
      const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url));
      if (!url || !secure || url.username !== '' || url.password !== '' || !allowed().includes(url.origin)) {
        throw new AppError('browser-not-opened', 'Muster opens only pages of your server and of its documentation.');
      }
      try {
        await shell.openExternal(url.href);
      } catch (cause) {
        throw new AppError('browser-not-opened', 'The system did not open the browser.', { cause });
      }
    },
  };
}
