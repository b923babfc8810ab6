import { chmod, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { NativeError } from '../errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import { decodeLine, encodeError, encodeLine, idOf, lineReader, parseRequest, tellable } from './protocol.ts';

export type ServiceOptions = {
  /** A UNIX socket, or on Windows a named pipe. */
  path: string;
  /** Opens the TPM; called for each burst of requests, so that other programs get their turn in between. */
  open(): Promise<TpmAttestor>;
  /** Mode of the UNIX socket. Its group decides who may ask; the folder's rights come first. */
  mode?: number;
};

export type TpmService = { close(): Promise<void> };

const MOST_CONNECTIONS = 32;
/** A TPM without a request for this long is left to others. */
const IDLE_MS = 2_000;

/**
 * Offers the fixed verbs to processes of this machine. Keys stay wrapped by the TPM; the service keeps nothing. One verb
 * at a time, whoever asks.
 */
export async function startTpmService({ path, open, mode = 0o660 }: ServiceOptions): Promise<TpmService> {
  const isPipe = path.startsWith('\\\\.\\pipe\\');
  if (!isPipe) await removeStale(path);
  const clients = new Set<Socket>();
  let attestor: TpmAttestor | undefined;
  let idle: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const leave = async () => {
    clearTimeout(idle);
    const open = attestor;
    attestor = undefined;
    await open?.close();
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work, work);
    queue = done.catch(() => undefined);
    return done;
  };

  const answer = async (line: string, client: Socket): Promise<void> => {
    let id = 0;
    try {
      const message = decodeLine(line);
      id = idOf(message);
      const request = parseRequest(message);
      const result = await inTurn(async () => {
        clearTimeout(idle);
        attestor ??= await open();
        const verb = attestor[request.verb] as (...args: unknown[]) => Promise<unknown>;
        try {
          return await verb(...request.args);
        } finally {
          idle = setTimeout(() => void inTurn(leave), IDLE_MS);
          idle.unref();
        }
      });
      client.write(encodeLine({ id, result }));
    } catch (error) {
      client.write(encodeLine(encodeError(id, error instanceof SyntaxError ? parseFailure() : tellable(error))));
    }
  };

  const server = createServer((client) => {
    if (clients.size >= MOST_CONNECTIONS) {
      client.destroy();
      return;
    }
    clients.add(client);
    client.on('close', () => clients.delete(client));
    // A client that goes away in the middle is its own affair.
    client.on('error', () => client.destroy());
    client.on(
      'data',
      lineReader(
        (line) => void answer(line, client),
        () => client.destroy(),
      ),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new NativeError('state-folder-unusable', `The Muster service cannot listen on ${path}.`, { cause })),
    );
    server.listen(path, resolve);
  });
  if (!isPipe) await chmod(path, mode);
  return {
    async close() {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
      await inTurn(leave);
    },
  };
}

function parseFailure(): NativeError {
  return new NativeError('service-request-refused', 'The Muster service does not understand this request.');
}

/** Removes a socket that nobody listens on any more; another running service is left alone and told. */
async function removeStale(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw new NativeError('state-folder-unusable', `${path} is not a socket.`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (alive)
    throw new NativeError('tpm-busy', 'Another Muster service is running on this machine.', {
      advice: 'Stop it first.',
    });
  await rm(path, { force: true });
}
