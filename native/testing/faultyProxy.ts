import { connect, createServer, type Socket } from 'node:net';

/** What happens to the response of the nth command (from 1) that passes through. */
export type Fault =
  | { kind: 'delay'; ms: number }
  | { kind: 'truncate'; bytes: number }
  | { kind: 'garble' }
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

/** Stands between a client and swtpm's data socket, one command at a time, and misbehaves once when told to. */
export async function startFaultyProxy(port: number): Promise<FaultyProxy> {
  let countdown = 0;
  let fault: Fault | undefined;
  let count = 0;
  const open = new Set<Socket>();

  const serve = (client: Socket) => {
    open.add(client);
    client.on('error', () => undefined);
    const tpm = connect(port, '127.0.0.1').setNoDelay(true);
    open.add(tpm);
    tpm.on('error', () => client.destroy());
    tpm.on('close', () => client.destroy());
    client.on('close', () => tpm.destroy());
    client.setNoDelay(true);
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
      tpm.write(command);
    });
    frames(tpm, (response) => {
      const now = held;
      held = undefined;
      switch (now?.kind) {
        case 'delay':
          setTimeout(() => client.destroyed || client.write(response), now.ms);
          return;
        case 'truncate':
          client.end(response.subarray(0, now.bytes));
          return;
        case 'garble':
          client.write(response.map((byte, at) => (at >= 10 ? byte ^ 0xa5 : byte)));
          return;
        case 'drop':
          client.destroy();
          return;
        default:
          client.write(response);
      }
    });
  };

  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The proxy does not listen.');
  return {
    tcti: `swtpm:host=127.0.0.1,port=${address.port}`,
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
