import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createApplication } from './application.ts';

it('answers requests that came before its routes were there, instead of ending the process', async () => {
  const server = createServer();
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const app = await createApplication({ server, origin: () => origin, logger: undefined, trustProxy: undefined });
    const arrived = Promise.withResolvers<void>();
    let requests = 0;
    server.on('request', () => {
      requests += 1;
      if (requests === 5) arrived.resolve();
    });
    app.register(async (nested) => {
      nested.get('/later', async () => ({ there: true }));
      await arrived.promise;
    });
    const early = Array.from({ length: 5 }, () => fetch(`${origin}/later`));
    await app.ready();
    expect(await Promise.all(early.map(async (answer) => (await answer).status))).toEqual([200, 200, 200, 200, 200]);
    expect(await (await fetch(`${origin}/later`)).json()).toEqual({ there: true });
    await app.close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
