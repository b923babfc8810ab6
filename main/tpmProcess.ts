import type { utilityProcess } from 'electron';
import type { PipeProcess, PipeReply, SpawnPipe } from '../native/index.ts';

/** The TPM's pipe as a utility process: `fork` needs the RunAsNode fuse, which is off. A blocked native call can be killed with it. */
export function utilityPipe(utility: typeof utilityProcess, modulePath: string): SpawnPipe {
  return (tcti): PipeProcess => {
    const child = utility.fork(modulePath, [tcti], { serviceName: 'Muster TPM', stdio: 'ignore' });
    return {
      send: (message) => child.postMessage(message),
      onMessage: (listener) => void child.on('message', (message: PipeReply) => listener(message)),
      onExit: (listener) => void child.on('exit', () => listener()),
      kill: () => void child.kill(),
    };
  };
}
