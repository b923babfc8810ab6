/**
 * The pipe to the TPM as a process of its own, which the parent can kill when a native call blocks or crashes. Runs under
 * plain Node (fork, with IPC) and as an Electron utility process (parentPort). Argument: the TCTI, checked again here.
 */
import { openLocalPipe } from './localPipe.ts';
import type { Pipe } from './pipe.ts';
import { type PipeReply, type PipeRequest, plainError } from './pipeProtocol.ts';
import { parseTcti } from './tcti.ts';

type ParentPort = {
  on(event: 'message', listener: (event: { data: PipeRequest }) => void): void;
  postMessage(message: PipeReply): void;
};
const parentPort = (process as unknown as { parentPort?: ParentPort }).parentPort;

const reply = (message: PipeReply) => {
  if (parentPort) parentPort.postMessage(message);
  else process.send?.(message);
};

function listen(pipe: Pipe): void {
  const serve = async (request: PipeRequest) => {
    try {
      if (request.kind === 'close') {
        await pipe.close();
        process.exit(0);
      }
      const response = await pipe.submit(new Uint8Array(request.command), request.deadlineMs);
      reply({ id: request.id, kind: 'response', response });
    } catch (error) {
      reply({ id: request.id, kind: 'error', error: plainError(error) });
    }
  };
  if (parentPort) parentPort.on('message', ({ data }) => void serve(data));
  else process.on('message', (message) => void serve(message as PipeRequest));
}

// Nothing to serve without a parent: a service that dies must not leave its pipe open.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C in a terminal reaches the whole group; the parent decides when the pipe ends.
process.on('SIGINT', () => undefined);

try {
  listen(await openLocalPipe(parseTcti(process.argv[2] ?? '')));
  reply({ id: 0, kind: 'ready' });
} catch (error) {
  reply({ id: 0, kind: 'error', error: plainError(error) });
}
