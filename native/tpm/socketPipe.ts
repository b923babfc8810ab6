import { connect, type Socket } from 'node:net';
import { concat } from '../../attestation/bytes.ts';
import { NativeError } from '../errors.ts';
import { checkCommand, checkResponse, frameSize, MAX_FRAME, type Pipe, timedOut } from './pipe.ts';

type Waiting = { resolve(response: Uint8Array): void; reject(error: NativeError): void };
type Address = { host: string; port: number } | { path: string };

/** swtpm serves one connection at a time: after this long without a command it is left to others. */
const IDLE_MS = 50;

/**
 * The data socket of a software TPM (swtpm), by its own protocol: bare commands and responses. A connection lasts for a
 * burst of commands and is opened again for the next.
 */
export async function openSocketPipe(address: Address): Promise<Pipe> {
  let connection: Connection | undefined = await openConnection(address);
  let closed = false;
  let busy = false;
  let usedAt = performance.now();
  let limit = Number.POSITIVE_INFINITY;

  const leave = () => {
    connection?.close();
    connection = undefined;
  };
  // One timer for a burst and its deadlines, not one for each command; whoever holds an idle pipe is not kept alive by it.
  const watch = () => {
    const spent = performance.now() - usedAt;
    if (busy && spent > limit) connection?.fail(timedOut(limit));
    if (busy || spent < IDLE_MS) setTimeout(watch, IDLE_MS / 2).unref();
    else leave();
  };
  watch();

  return {
    async submit(command, deadlineMs) {
      checkCommand(command);
      if (closed) throw new NativeError('tpm-closed', 'The connection to the TPM is closed.');
      if (busy) throw new NativeError('tpm-busy', 'A command is under way on this pipe.');
      busy = true;
      try {
        // The other side may have ended it while nothing was under way: then no command of ours was lost.
        const watched = connection !== undefined;
        if (!connection?.alive()) connection = await openConnection(address);
        usedAt = performance.now();
        limit = deadlineMs;
        if (!watched) watch();
        return checkResponse(await connection.exchange(command));
      } catch (error) {
        leave();
        throw error;
      } finally {
        busy = false;
        limit = Number.POSITIVE_INFINITY;
        usedAt = performance.now();
      }
    },
    async close() {
      closed = true;
      leave();
    },
  };
}

type Connection = {
  exchange(command: Uint8Array): Promise<Uint8Array>;
  /** Ends the connection, and what is under way with this error. */
  fail(error: NativeError): void;
  alive(): boolean;
  close(): void;
};

async function openConnection(address: Address): Promise<Connection> {
  let received: Uint8Array = new Uint8Array(0);
  let waiting: Waiting | undefined;
  let broken: NativeError | undefined;

  const fail = (error: NativeError) => {
    broken ??= error;
    waiting?.reject(broken);
    waiting = undefined;
    socket.destroy();
  };
  const take = (chunk: Uint8Array) => {
    // A copy: the next bytes come into the same memory.
    received = concat(received, chunk);
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
  };
  const socket = await connected(address, take);
  socket.on('error', () => fail(connectionLost()));
  socket.on('close', () => fail(connectionLost()));

  return {
    exchange(command) {
      if (broken) return Promise.reject(broken);
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
      waiting = { resolve, reject };
      socket.write(command);
      return promise;
    },
    fail,
    alive: () => broken === undefined,
    close: () => void socket.destroy(),
  };
}

/** Reads past Node's streams, into one piece of memory: for answers this small, they cost a fifth of each command. */
function connected(address: Address, take: (chunk: Uint8Array) => void): Promise<Socket> {
  const buffer = new Uint8Array(MAX_FRAME);
  const callback = (size: number) => {
    take(buffer.subarray(0, size));
    return true;
  };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true, onread: { buffer, callback } });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      // A UNIX socket whose queue is full refuses at once (connect(2)), where a port lets its clients wait.
      if (cause.code === 'EAGAIN') {
        const advice = 'Try again in a moment.';
        reject(new NativeError('tpm-busy', 'Others wait for the software TPM on this socket.', { advice, cause }));
        return;
      }
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
