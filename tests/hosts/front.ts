import { once } from 'node:events';
import { createServer as createHttp, request } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net';

/** What stands between a machine and the inventory, and how it behaves now. */
export type Weather =
  | { kind: 'fair' }
  /** A captive portal or a gateway answers in the server's place. */
  | { kind: 'portal'; status: 302 | 200 }
  /** Every second request of the client is cut, before or after the server has it, `cuts` times in all; a browser's are left alone. */
  | { kind: 'flapping'; cut: 'before' | 'after'; cuts: number };

const PORTAL = '<!doctype html><title>Hotel Wifi</title><p>Please sign in to the network.';

/** A reverse proxy with TLS before the inventory at `port`: its certificate and its behaviour are the test's to choose. */
export async function startFront(port: number, tls: { cert: string; key: string }) {
  let weather: Weather = { kind: 'fair' };
  let requests = 0;
  let left = 0;
  const cuts = { count: 0 };
  const server = createHttps(tls, (incoming, outgoing) => {
    const now = weather;
    if (now.kind === 'portal') {
      outgoing.writeHead(now.status, {
        'content-type': 'text/html',
        ...(now.status === 302 ? { location: 'http://portal.example/sign-in' } : {}),
      });
      outgoing.end(PORTAL);
      return;
    }
    const { socket } = incoming;
    if (incoming.headers.cookie === undefined) requests += 1;
    const cut = now.kind === 'flapping' && left > 0 && requests % 2 === 0 ? now.cut : undefined;
    if (cut) {
      left -= 1;
      cuts.count += 1;
    }
    const hangUp = () => socket.destroy();
    if (cut === 'before') return hangUp();
    const { method, url: path, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      if (cut === 'after') {
        answer.resume();
        answer.on('end', hangUp);
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    // The server is away: so is everything behind this front.
    onward.on('error', () => socket.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    cuts,
    turn(next: Weather): void {
      weather = next;
      left = next.kind === 'flapping' ? next.cuts : 0;
      // What is open came through the old weather.
      server.closeAllConnections();
    },
    present: (other: { cert: string; key: string }) => server.setSecureContext(other),
    close: () => closed(server),
  };
}
export type Front = Awaited<ReturnType<typeof startFront>>;

/** A proxy that knows CONNECT alone, and where each of its names leads; nothing else resolves them. */
export async function startConnectProxy(names: Record<string, number>) {
  const asked: string[] = [];
  const tunnels = new Set<Socket>();
  const server = createHttp((_request, response) => response.writeHead(405).end());
  server.on('connect', (incoming, client: Socket) => {
    asked.push(String(incoming.url));
    const port = names[String(incoming.url)];
    if (port === undefined) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    for (const socket of [client, onward]) {
      tunnels.add(socket);
      socket.on('close', () => {
        tunnels.delete(socket);
        client.destroy();
        onward.destroy();
      });
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      for (const socket of tunnels) socket.destroy();
      return closed(server);
    },
  };
}

/** A SOCKS 5 proxy (RFC 1928) that asks for no password, and where each of its names leads; nothing else resolves them. */
export async function startSocksProxy(names: Record<string, number>) {
  const asked: string[] = [];
  const tunnels = new Set<Socket>();
  const server = createTcp(async (client) => {
    tunnels.add(client);
    client.on('close', () => tunnels.delete(client));
    client.on('error', () => client.destroy());
    const bytes = reader(client);
    const [, methods = 0] = await bytes(2);
    await bytes(methods);
    client.write(Uint8Array.of(5, 0));
    const [, command, , type, length = 0] = await bytes(5);
    const name = (await bytes(length)).toString('latin1');
    const target = `${name}:${(await bytes(2)).readUInt16BE()}`;
    asked.push(target);
    const port = names[target];
    if (command !== 1 || type !== 3 || port === undefined) {
      client.end(Uint8Array.of(5, 4, 0, 1, 0, 0, 0, 0, 0, 0));
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('close', () => onward.destroy());
    onward.on('close', () => client.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      for (const socket of tunnels) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** So many bytes of a socket, once they are there; never of one that is closed before. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes: Buffer | null = socket.read(count);
      if (bytes) return bytes;
      await once(socket, 'readable');
    }
  };
}

function closed(server: { close(done: () => void): unknown; closeAllConnections(): void }): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
