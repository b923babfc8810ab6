import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { loadFfi } from '../tpm/ffi.ts';

export type CharacterDevice = { path: string; pid: number; stop(): Promise<void> };

/**
 * swtpm behind a character device: one end of a pseudo terminal without any line discipline. Commands and responses pass
 * through it as through /dev/tpmrm0, whole by one write and one read; what it lacks is a resource manager and a
 * descriptor of its own for each opener. `state` is swtpm's folder.
 */
export async function startCharacterDevice(state: string): Promise<CharacterDevice> {
  const libc = loadFfi().load(null);
  const terminal = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  const name = libc.func('const char *ptsname(int descriptor)') as unknown as (descriptor: number) => string | null;
  if (libc.func('int unlockpt(int descriptor)')(terminal) !== 0) throw new Error('No pseudo terminal was given.');
  const path = name(terminal);
  if (!path) throw new Error('The pseudo terminal has no name.');
  const raw = spawnSync('stty', ['-F', path, 'raw', '-echo'], { encoding: 'utf8' });
  if (raw.status !== 0) throw new Error(`stty: ${raw.stderr}`);
  // Held open, because the other end hangs up when the last opener leaves.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const child = spawn(
    'swtpm',
    [
      ...['chardev', '--tpm2', '--fd', '3', '--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear'],
      ...['--ctrl', `type=unixio,path=${join(state, 'device.ctrl')}`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit', terminal] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  closeSync(terminal);
  return {
    path,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
      closeSync(held);
    },
  };
}
