import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { toAppError } from '../app/errors.ts';
import { plainRequest } from './plainRequest.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((done) => (server ? server.close(() => done()) : done()));
  server = undefined;
});

async function answering(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
}

const init = { method: 'GET', headers: {}, redirect: 'manual', cache: 'no-store' } as const;
const textOf = async (body: AsyncIterable<Uint8Array> | null) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe('the light way to the server', () => {
  it('sends a body with its length and headers, and reads the answer', async () => {
    const url = await answering(async (request, response) => {
      const { authorization, 'content-length': length } = request.headers;
      const body = await textOf(request);
      response
        .writeHead(201, { 'X-Kind': 'é'.length.toString() })
        .end(`${request.method} ${authorization} ${length} ${body}`);
    });
    const answer = await plainRequest(url, { ...init, method: 'POST', headers: { authorization: 'A b' }, body: 'é' });
    expect([answer.status, answer.ok, answer.headers.get('x-kind'), answer.headers.get('none')]).toEqual([
      201,
      true,
      '1',
      null,
    ]);
    expect(await textOf(answer.body)).toBe('POST A b 2 é');
  });

  it('answers a redirect instead of following it', async () => {
    const url = await answering((_request, response) => response.writeHead(302, { location: '/y' }).end());
    expect(await plainRequest(url, init)).toMatchObject({ status: 302, ok: false });
  });

  it('ends with the reason of its signal, before and during the body', async () => {
    const url = await answering((_request, response) => void response.write(': here\n'));
    const stop = new AbortController();
    const { body } = await plainRequest(url, { ...init, signal: stop.signal });
    const reading = textOf(body);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await expect(plainRequest(url, { ...init, signal: stop.signal })).rejects.toThrow('enough');
  });

  it('names an absent server and a cut answer as fetch does', async () => {
    const url = await answering((_request, response) => {
      response.write('half', () => response.destroy());
    });
    const { body } = await plainRequest(url, init);
    const cut = await textOf(body).catch(toAppError);
    expect(cut).toMatchObject({ code: 'server-unreachable' });
    server?.close();
    server = undefined;
    const absent = await plainRequest(url, init).catch(toAppError);
    expect(absent).toMatchObject({ code: 'server-unreachable', message: expect.stringContaining('ECONNREFUSED') });
  });
});
