import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../testing/tools.ts';
import { serveOnUnixSocket } from '../testing/transports.ts';
import { openSocketPipe } from './socketPipe.ts';

it.skipIf(!has('swtpm') || process.platform !== 'linux')(
  'a UNIX socket at which too many wait is busy, not missing (needs swtpm)',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-queue-'));
    await (await startSoftwareTpm({ folder, certificate: false })).stop();
    const tpm = await serveOnUnixSocket(folder);
    const waiting: Socket[] = [];
    try {
      process.kill(tpm.pid, 'SIGSTOP');
      for (let full = false; !full; ) {
        const socket = connect(tpm.path);
        waiting.push(socket);
        full = await once(socket, 'connect').then(
          () => false,
          (error: NodeJS.ErrnoException) => error.code === 'EAGAIN',
        );
      }
      await expect(openSocketPipe({ path: tpm.path })).rejects.toMatchObject({ code: 'tpm-busy' });
      await expect(openSocketPipe({ path: `${tpm.path}.absent` })).rejects.toMatchObject({ code: 'tpm-missing' });
    } finally {
      for (const socket of waiting) socket.destroy();
      process.kill(tpm.pid, 'SIGCONT');
      await tpm.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
