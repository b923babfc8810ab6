import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backoffMs, isTransient, retrying } from './backoff.ts';
import { createGrantKey, dpopProof, exportGrantKey, importGrantKey } from './dpop.ts';
import { AppError, LOCAL_ERRORS, toAppError, toUserError } from './errors.ts';
import { createHttp } from './http.ts';
import { systemClock } from './node/clock.ts';
import { serverOrigin } from './serverUrl.ts';
import { readEvents, type ServerSentEvent } from './sse.ts';
import { hastyClock } from './testing/ports.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((done) => (server ? server.close(() => done()) : done()));
  server = undefined;
});

async function answering(listener: RequestListener) {
  server = createServer(listener);
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttp(origin, { fetch: globalThis.fetch, clock: systemClock });
  return { origin, get: () => http.json({ method: 'GET', path: '/x', answer: z.object({ ok: z.literal(true) }) }) };
}

describe('the address of a server', () => {
  it('is an origin: https, or http to this machine', () => {
    expect(serverOrigin(' muster.example/deep?x ')).toBe('https://muster.example');
    expect(serverOrigin('https://muster.example:8443/')).toBe('https://muster.example:8443');
    expect(serverOrigin('http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080');
    expect(serverOrigin('http://[::1]:8080')).toBe('http://[::1]:8080');
    expect(serverOrigin('http://localhost:8080')).toBe('http://localhost:8080');
  });

  for (const [text, code] of [
    ['http://muster.example', 'server-insecure'],
    ['http://127.0.0.1.evil.example', 'server-insecure'],
    ['http://localhost.evil.example', 'server-insecure'],
    ['ftp://muster.example', 'server-insecure'],
    ['file:///etc/passwd', 'server-not-muster'],
    ['https://user:pw@muster.example', 'server-not-muster'],
    ['', 'server-not-muster'],
    ['https://', 'server-not-muster'],
  ] as const) {
    it(`is not ${text || 'nothing'}`, () => {
      expect(() => serverOrigin(text)).toThrow(expect.objectContaining({ code }));
    });
  }
});

describe('answers of a server', () => {
  it('never follow a redirect: to another host it is somebody else’s network', async () => {
    const { get } = await answering((_request, response) =>
      response.writeHead(302, { location: 'http://portal.example/' }).end(),
    );
    await expect(get()).rejects.toMatchObject({ code: 'captive-portal' });
  });

  for (const [name, status, type, body, code] of [
    ['a page with status 200', 200, 'text/html', '<!doctype html>', 'captive-portal'],
    ['a page in disguise', 200, 'application/json', ' <HTML>', 'captive-portal'],
    ['status 511', 511, 'text/html', '<!doctype html>', 'captive-portal'],
    ['other JSON', 200, 'application/json', '{"ok":false}', 'server-not-muster'],
    ['no JSON', 200, 'application/json', 'hello', 'server-not-muster'],
    ['a refusal of another kind', 404, 'application/json', '{"error":"x"}', 'server-not-muster'],
    ['a gateway in front', 502, 'text/html', '<html>Bad gateway', 'unavailable'],
    ['a limit', 429, 'application/json', '{}', 'rate-limited'],
    ['Smallstep’s form with our code', 403, 'application/json', '{"message":"no","code":"ek-unknown"}', 'ek-unknown'],
  ] as const) {
    it(`are named: ${name}`, async () => {
      const { get } = await answering((_request, response) =>
        response.writeHead(status, { 'content-type': type }).end(body),
      );
      await expect(get()).rejects.toMatchObject({ code });
    });
  }

  it('are cut off where they have no end', async () => {
    const { get } = await answering((_request, response) => {
      const chunk = 'x'.repeat(1 << 20);
      const more = () => {
        while (response.writable && response.write(chunk));
        if (response.writable) response.once('drain', more);
      };
      more();
    });
    await expect(get()).rejects.toMatchObject({ code: 'server-not-muster' });
  });

  it('that ask for a DPoP nonce get it, once', async () => {
    const proofs: string[] = [];
    const { origin } = await answering((request, response) => {
      proofs.push(String(request.headers.dpop));
      const claims = JSON.parse(Buffer.from(String(proofs.at(-1)).split('.')[1] ?? '', 'base64url').toString());
      if (claims.nonce === 'n1') response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
      else response.writeHead(401, { 'dpop-nonce': 'n1' }).end();
    });
    const http = createHttp(origin, { fetch: globalThis.fetch, clock: systemClock });
    const credential = { kind: 'dpop', key: await createGrantKey(), token: 't' } as const;
    const answer = z.object({ ok: z.literal(true) });
    expect(await http.json({ method: 'POST', path: '/x', credential, answer })).toEqual({ ok: true });
    expect(proofs).toHaveLength(2);
  });

  it('that never come are "unreachable" after the time is over', async () => {
    const { origin } = await answering(() => undefined);
    const http = createHttp(origin, { fetch: globalThis.fetch, clock: systemClock });
    await expect(http.json({ method: 'GET', path: '/x', answer: null, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'server-unreachable',
    });
  });

  it('are not asked for over plain http elsewhere, whatever the path says', async () => {
    const asked: unknown[] = [];
    const fetch = async (url: unknown) => asked.push(url) as never;
    const http = createHttp('https://muster.example', { fetch: fetch as never, clock: systemClock });
    await expect(http.json({ method: 'GET', path: 'http://evil.example/x', answer: null })).rejects.toMatchObject({
      code: 'server-insecure',
    });
    expect(asked).toEqual([]);
  });
});

describe('errors', () => {
  it('become one of ours, whatever they were', () => {
    const caused = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
    expect(toAppError(caused('ECONNREFUSED')).code).toBe('server-unreachable');
    expect(toAppError(caused('ENOTFOUND')).code).toBe('server-unreachable');
    expect(toAppError(caused('CERT_HAS_EXPIRED')).code).toBe('clock-skew');
    expect(toAppError(caused('SELF_SIGNED_CERT_IN_CHAIN')).code).toBe('server-untrusted');
    expect(toAppError(caused('ERR_TLS_CERT_ALTNAME_INVALID')).code).toBe('server-untrusted');
    expect(toAppError(new Error('net::ERR_CERT_AUTHORITY_INVALID')).code).toBe('server-untrusted');
    expect(toAppError(new Error('net::ERR_SSL_PROTOCOL_ERROR')).code).toBe('server-unreachable');
    expect(toAppError(new Error('net::ERR_PROXY_CONNECTION_FAILED')).code).toBe('server-unreachable');
    expect(toAppError(new Error('net::ERR_CERT_DATE_INVALID')).code).toBe('clock-skew');
    expect(toAppError(Object.assign(new Error('No.'), { code: 'tpm-1.2', advice: 'Do.' }))).toMatchObject({
      code: 'tpm-unsupported',
      advice: 'Do.',
    });
    expect(toAppError(Object.assign(new Error('Busy.'), { code: 'tpm-busy' })).code).toBe('tpm-busy');
    expect(toAppError('text').code).toBe('unexpected');
  });

  it('of an unexpected kind show neither their message nor their stack', () => {
    const shown = JSON.stringify(toUserError(new Error('token muster_grant_123 at /home/x')));
    expect(shown).not.toMatch(/muster_grant|home/);
  });

  it('that are local have a title and advice each', () => {
    for (const [title, advice] of Object.values(LOCAL_ERRORS))
      expect(`${title}${advice}`).toMatch(/^[A-Z].+\.[A-Z].+\.$/);
  });
});

describe('trying again', () => {
  it('waits longer each time, within bounds, never in step', () => {
    const limits = { firstMs: 500, maxMs: 10_000 };
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const [low, high] = [backoffMs(attempt, 0, limits), backoffMs(attempt, 1, limits)];
      expect(low).toBeGreaterThanOrEqual(250);
      expect(high).toBeLessThanOrEqual(10_000);
      expect(high).toBe(low * 2);
    }
  });

  it('repeats what is transient, and only that', async () => {
    const clock = hastyClock();
    const fails = (code: 'server-unreachable' | 'device-limit', times: number) => {
      let left = times;
      return async () => {
        if (left-- > 0) throw new AppError(code, 'x');
        return 'done';
      };
    };
    expect(await retrying(fails('server-unreachable', 3), { clock, forMs: 60_000 })).toBe('done');
    expect(clock.pauses).toHaveLength(3);
    await expect(retrying(fails('device-limit', 1), { clock, forMs: 60_000 })).rejects.toMatchObject({
      code: 'device-limit',
    });
    await expect(retrying(fails('server-unreachable', 99), { clock, forMs: 0 })).rejects.toMatchObject({
      code: 'server-unreachable',
    });
    expect(isTransient(new AppError('sign-in-cancelled', ''))).toBe(false);
  });

  it('honours the wait that the server asks for', async () => {
    const clock = hastyClock();
    let left = 1;
    const run = async () => {
      if (left-- > 0) throw new AppError('rate-limited', 'x', { retryAfterMs: 7000 });
    };
    await retrying(run, { clock, forMs: 60_000 });
    expect(clock.pauses).toEqual([7000]);
  });
});

describe('event streams', () => {
  async function parse(...chunks: string[]): Promise<ServerSentEvent[]> {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    const events: ServerSentEvent[] = [];
    for await (const event of readEvents(stream)) events.push(event);
    return events;
  }

  it('are split as the standard says, wherever the network cut them', async () => {
    const text = ': alive\n\nevent: device\nid: 7\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\nevent: none\n\n';
    const expected = await parse(text);
    expect(expected).toEqual([
      { event: 'comment', data: 'alive', id: undefined },
      { event: 'device', data: '{"a":\n1}', id: '7' },
      { event: 'message', data: 'x', id: undefined },
    ]);
    expect(await parse(...text)).toEqual(expected);
  });
});

describe('DPoP', () => {
  it('keeps its key through a restart, and binds a proof to method, address, token and time', async () => {
    const key = await createGrantKey();
    const again = await importGrantKey(JSON.parse(JSON.stringify(await exportGrantKey(key))));
    expect(again.thumbprint).toBe(key.thumbprint);
    const url = new URL('https://muster.example/api/v1/grants?x=1#y');
    const proof = await dpopProof(again, {
      method: 'POST',
      url,
      token: 'token',
      now: new Date('2030-01-01T00:00:00Z'),
    });
    const [header, payload] = proof.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header ?? '')).toEqual({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk });
    expect(JSON.parse(payload ?? '')).toMatchObject({
      htm: 'POST',
      htu: 'https://muster.example/api/v1/grants',
      iat: 1893456000,
      ath: 'PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A',
      jti: expect.any(String),
    });
    expect(header).not.toContain('"d"');
  });
});
