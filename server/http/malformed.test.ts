import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../contract/index.ts';
import { createServer, type MusterServer } from '../createServer.ts';

let folder: string;
let server: MusterServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-malformed-'));
  server = await createServer({ store: folder, demo: false, rateLimitFactor: 1000 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** What comes back for bytes as they are, until the server closes the connection. */
async function exchange(bytes: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const { hostname, port } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(bytes);
  let text = '';
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch (error) {
    // The server does not read on what it cannot understand: a reset may follow its answer.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET' || text === '') throw error;
  }
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Headers(
    fields.map((field): [string, string] => [field.split(': ')[0] ?? '', field.split(': ')[1] ?? '']),
  );
  return { status: Number(line.split(' ')[1]), headers, body: JSON.parse(body) };
}

const end = 'Connection: close\r\n\r\n';

describe('what is no HTTP', () => {
  it.each([
    ['garbage', 'GARBAGE\r\n\r\n', 400],
    ['a verb that does not exist', `BREW /api/v1/devices HTTP/1.1\r\nHost: x\r\n${end}`, 400],
    [
      'two lengths',
      `POST /api/v1/devices HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n${end}`,
      400,
    ],
    ['a header of 20,000 bytes', `GET /api/v1/devices HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n${end}`, 431],
    ['no host', `GET /api/v1/devices HTTP/1.1\r\n${end}`, 400],
    ['two hosts', `GET /api/v1/devices HTTP/1.1\r\nHost: a\r\nHost: b\r\n${end}`, 400],
  ])('is answered with a problem document: %s', async (_name, bytes, status) => {
    const { body, ...answer } = await exchange(bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const problem = Problem.parse(body);
    expect(problem.status).toBe(status);
    expect(problem.instance).toBe(answer.headers.get('x-request-id'));
  });

  it.each([
    ['a verb that does not exist', `BREW /api/devices HTTP/1.1\r\nHost: x\r\n${end}`, 400],
    ['no host', `GET /api/devices HTTP/1.1\r\n${end}`, 400],
    ['a whole address, as proxies are asked', `GET http://x/api/devices HTTP/1.1\r\nHost: x\r\n${end}`, 401],
    ['an expectation that nobody knows', `GET /api/devices HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n${end}`, 401],
  ])('is answered with { message } on the compatible mount: %s', async (_name, bytes, status) => {
    const answer = await exchange(bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('x-smallstep-api-version')).toBe('2026-05-01');
    expect(answer.body).toEqual({ message: expect.any(String) });
  });

  it('leaves HTTP/1.0 without a host alone', async () => {
    expect((await exchange('GET /api/v1/devices HTTP/1.0\r\n\r\n')).status).toBe(401);
  });
});
