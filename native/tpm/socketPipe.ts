import { connect, type Socket } from 'node:net';
import { NativeError } from '../errors.ts';
import { checkCommand, checkResponse, frameSize, MAX_FRAME, type Pipe, timedOut } from './pipe.ts';

type Waiting = { resolve(response: Uint8Array): void; reject(error: NativeError): void };

/**
 * The data socket of a software TPM (swtpm), without tpm2-tss: for machines that do not have the library.
 * `address` is a loopback port or the path of a UNIX socket.
 */
export async function openSocketPipe(address: { host: string; port: number } | { path: string }): Promise<Pipe> {
  const socket = await connected(address);
  let received = new Uint8Array(0);
  let waiting: Waiting | undefined;
  let broken: NativeError | undefined;

  const fail = (error: NativeError) => {
    broken ??= error;
    waiting?.reject(broken);
    waiting = undefined;
    socket.destroy();
  };
  socket.on('data', (chunk: Uint8Array) => {
    received = received.length === 0 ? new Uint8Array(chunk) : new Uint8Array(Buffer.concat([received, chunk]));
    if (received.length < 6) return;
    const size = frameSize(received);
    if (size < 10 || size > MAX_FRAME || received.length > size || !waiting) {
      fail(
        new NativeError('tpm-response-malformed', 'The software TPM answered with bytes that are not a TPM response.'),
      );
    } else if (received.length === size) {
      const { resolve } = waiting;
      waiting = undefined;
      const response = received;
      received = new Uint8Array(0);
      resolve(response);
    }
  });
  socket.on('error', () => fail(connectionLost()));
  socket.on('close', () => fail(connectionLost()));

  return {
    async submit(command, deadlineMs) {
      checkCommand(command);
      if (broken) throw broken;
      if (waiting) throw new NativeError('tpm-busy', 'A command is under way on this pipe.');
      const timer = setTimeout(() => fail(timedOut(deadlineMs)), deadlineMs);
      try {
        const answer = new Promise<Uint8Array>((resolve, reject) => {
          waiting = { resolve, reject };
        });
        socket.write(command);
        return checkResponse(await answer);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      broken ??= new NativeError('tpm-closed', 'The connection to the TPM is closed.');
      socket.destroy();
    },
  };
}

function connected(address: { host: string; port: number } | { path: string }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (cause) => {
      const where = 'path' in address ? 'this socket' : `port ${address.port}`;
      reject(
        new NativeError('tpm-missing', `No software TPM listens on ${where}.`, {
          advice: 'Start it (swtpm socket --tpm2 …) or name the port that it listens on.',
          cause,
        }),
      );
    });
  });
}

function connectionLost(): NativeError {
  return new NativeError('tpm-connection-lost', 'The connection to the software TPM was lost.');
}
