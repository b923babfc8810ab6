import { connect, createServer, type Socket } from 'node:net';

/** What happens to the response of the nth command (from 1) that passes through. */
export type Fault =
  | { kind: 'delay'; ms: number }
  | { kind: 'truncate'; bytes: number }
  /** Every byte from `from` on is another one; without it all behind the header. */
  | { kind: 'garble'; from?: number }
  /** The TPM never sees the command; the client gets this response code. */
  | { kind: 'fail'; responseCode: number; times?: number }
  | { kind: 'drop' };

export type FaultyProxy = {
  tcti: string;
  arm(nth: number, fault: Fault): void;
  readonly commands: () => number;
  stop(): Promise<void>;
};

const sizeOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(2);

export type FaultyProxyOptions = {
  /** The TPM's own UNIX socket, instead of a port of 127.0.0.1. */
  path?: string;
  /** Where to listen; a free port of 127.0.0.1 without it. */
  listenAt?: string;
};

/** Stands between a client and swtpm's data socket, one command at a time, and misbehaves once when told to. */
export async function startFaultyProxy(
  port: number,
  { path, listenAt }: FaultyProxyOptions = {},
): Promise<FaultyProxy> {
  let countdown = 0;
  let fault: Fault | undefined;
  let count = 0;
  const open = new Set<Socket>();

  const serve = (client: Socket) => {
    open.add(client);
    client.on('error', () => undefined);
    client.setNoDelay(true);
    let tpm: Socket | undefined;
    const early: Uint8Array[] = [];
    const forward = (command: Uint8Array) => (tpm ? tpm.write(command) : early.push(command));
    const reach = () => {
      const socket = (path === undefined ? connect(port, '127.0.0.1') : connect(path)).setNoDelay(true);
      open.add(socket);
      client.once('close', () => socket.destroy());
      socket.once('connect', () => {
        tpm = socket;
        for (const command of early) socket.write(command);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        // The queue of a UNIX socket is full as soon as the TPM is busy and two wait: then this client waits too.
        if (error.code === 'EAGAIN') setTimeout(() => client.destroyed || reach(), 20);
        else client.destroy();
      });
      socket.on('close', () => tpm && client.destroy());
      frames(socket, answer);
    };
    let held: Fault | undefined;
    frames(client, (command) => {
      count += 1;
      held = undefined;
      if (fault && --countdown <= 0) {
        held = fault;
        fault = undefined;
        if (held.kind === 'fail') {
          const left = (held.times ?? 1) - 1;
          if (left > 0) {
            fault = { ...held, times: left };
            countdown = 1;
          }
          client.write(errorResponse(held.responseCode));
          return;
        }
      }
      forward(command);
    });
    const answer = (response: Uint8Array) => {
      const now = held;
      held = undefined;
      switch (now?.kind) {
        case 'delay':
          setTimeout(() => client.destroyed || client.write(response), now.ms);
          return;
        case 'truncate':
          // A response that is no longer than that arrives whole, and so does the next one.
          if (response.length > now.bytes) client.end(response.subarray(0, now.bytes));
          else client.write(response);
          return;
        case 'garble':
          garble(client, response, now.from ?? 10);
          return;
        case 'drop':
          client.destroy();
          return;
        default:
          client.write(response);
      }
    };
    reach();
  };

  const server = createServer(serve);
  await new Promise<void>((resolve) => {
    if (listenAt === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(listenAt, resolve);
  });
  const address = server.address();
  if (address === null) throw new Error('The proxy does not listen.');
  return {
    tcti: typeof address === 'string' ? `swtpm:path=${address}` : `swtpm:host=127.0.0.1,port=${address.port}`,
    arm(nth, next) {
      countdown = nth;
      fault = next;
      count = 0;
    },
    commands: () => count,
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A garbled size may promise more than there is: the connection ends, so that nobody waits for the rest. */
function garble(client: Socket, response: Uint8Array, from: number): void {
  const bytes = response.map((byte, at) => (at >= from ? byte ^ 0xa5 : byte));
  if (from < 6) client.end(bytes);
  else client.write(bytes);
}

function errorResponse(code: number): Uint8Array {
  const response = new Uint8Array(10);
  const view = new DataView(response.buffer);
  view.setUint16(0, 0x8001);
  view.setUint32(2, 10);
  view.setUint32(6, code);
  return response;
}

function frames(socket: Socket, take: (frame: Uint8Array) => void): void {
  let received: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  socket.on('data', (chunk: Uint8Array) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 6 && received.length >= sizeOf(received)) {
      const frame = received.subarray(0, sizeOf(received));
      received = received.subarray(frame.length);
      take(new Uint8Array(frame));
    }
  });
}
