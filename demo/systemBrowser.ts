import { spawn } from 'node:child_process';
import { AppError, type SystemBrowser } from '../app/index.ts';

/** The person's own browser. The address goes to the opener as one argument, never through a shell. */
export function systemBrowser(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): SystemBrowser {
  return {
    open(url) {
      const opener = openerOf(environment, platform);
      if (!opener)
        return Promise.reject(
          new AppError('browser-not-opened', 'This machine has no browser that could be opened from here.'),
        );
      return new Promise((done, failed) => {
        const child = spawn(opener[0], [...opener.slice(1), url], { stdio: 'ignore', detached: true });
        child.once('spawn', () => {
          child.unref();
          done();
        });
        child.once('error', (cause) =>
          failed(new AppError('browser-not-opened', `${opener[0]} could not be started.`, { cause })),
        );
      });
    },
  };
}

function openerOf(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): [string, ...string[]] | undefined {
  if (platform === 'darwin') return ['/usr/bin/open'];
  if (platform === 'win32') return ['rundll32.exe', 'url.dll,FileProtocolHandler'];
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ['xdg-open'] : undefined;
}
