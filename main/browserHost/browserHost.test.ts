import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppSnapshot, Bridge } from '../../contract/index.ts';
import { type BrowserHost, startBrowserHost } from './index.ts';

const snapshot: AppSnapshot = {
  state: { kind: 'signed-out', serverUrl: null, team: null },
  connection: { kind: 'online' },
  demo: false,
  version: '1.0.0',
  platform: 'linux',
  host: 'browser',
  managed: {},
  settings: { serverUrl: null, startAtLogin: false, language: 'system' },
  serverQuestion: null,
};

let folder: string;
let host: BrowserHost;
let calls: string[];
let push: (snapshot: AppSnapshot) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-host-'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Muster</title>');
  calls = [];
  const listeners = new Set<(snapshot: AppSnapshot) => void>();
  const bridge: Bridge = {
    invoke: async (method) => {
      calls.push(method);
      return (method === 'snapshot' ? snapshot : null) as never;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  push = (next) => {
    for (const listener of listeners) listener(next);
  };
  host = await startBrowserHost({ app: { bridge }, rendererFolder: folder });
});
afterEach(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

const origin = () => new URL(host.url).origin;

type Answer = { status: number; headers: NodeJS.Dict<string | string[]>; text: string };
/** Raw requests: fetch would not let a test lie about Host and Origin. */
function send(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(host.url);
    const sent = request({ method, path, hostname, port, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function signedIn(): Promise<string> {
  const url = new URL(host.issueUrl());
  const { status, headers } = await send('GET', `${url.pathname}${url.search}`);
  expect(status).toBe(303);
  return String(headers['set-cookie']).split(';')[0] ?? '';
}
const call = (cookie: string, body: string, headers: Record<string, string> = {}) =>
  send('POST', '/bridge', { cookie, origin: origin(), 'content-type': 'application/json', ...headers }, body);

describe('the browser host', () => {
  it('exchanges the token once for a strict, HttpOnly cookie, and never lets it into the page', async () => {
    const url = new URL(host.url);
    const first = await send('GET', `${url.pathname}${url.search}`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe('/');
    expect(String(first.headers['set-cookie'])).toMatch(
      /^muster-window-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/,
    );
    expect((await send('GET', `${url.pathname}${url.search}`)).status).toBe(403);
    expect((await send('GET', '/?token=guess')).status).toBe(403);
  });

  it('serves nothing without the cookie', async () => {
    for (const path of ['/', '/index.html', '/bridge/snapshots', '/bridge'])
      expect((await send('GET', path)).status).toBe(401);
    expect((await call('', '{"method":"refresh","params":{}}')).status).toBe(401);
    expect((await call(`muster-window-${new URL(host.url).port}=guess`, '{}')).status).toBe(401);
    expect(calls).toEqual([]);
  });

  it('serves the window with the policy, and calls with their results', async () => {
    const cookie = await signedIn();
    const page = await send('GET', '/', { cookie });
    expect(page.text).toContain('<title>Muster</title>');
    expect(page.headers['content-security-policy']).toContain("require-trusted-types-for 'script'");
    expect((await send('GET', '/../package.json', { cookie })).status).toBe(404);
    const answer = await call(cookie, '{"method":"snapshot","params":{}}');
    expect(JSON.parse(answer.text)).toEqual({ result: snapshot });
  });

  it('refuses other hosts (DNS rebinding), other origins and other sites', async () => {
    const cookie = await signedIn();
    const body = '{"method":"refresh","params":{}}';
    const { port } = new URL(host.url);
    expect((await call(cookie, body, { host: `evil.example:${port}` })).status).toBe(421);
    expect((await call(cookie, body, { host: `localhost:${port}` })).status).toBe(421);
    expect((await call(cookie, body, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await call(cookie, body, { origin: 'http://127.0.0.1:1' })).status).toBe(403);
    expect((await call(cookie, body, { origin: 'null' })).status).toBe(403);
    expect((await call(cookie, body, { 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await send('POST', '/bridge', { cookie, 'content-type': 'application/json' }, body)).status).toBe(403);
    expect((await send('GET', '/bridge/snapshots', { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await call(cookie, body, { 'content-type': 'text/plain' })).status).toBe(415);
    expect(calls).toEqual([]);
  });

  it('refuses calls that the contract does not know', async () => {
    const cookie = await signedIn();
    for (const body of [
      '',
      '[]',
      '{"method":"nothing","params":{}}',
      '{"method":"refresh"}',
      `{"x":"${'y'.repeat(70_000)}"}`,
    ]) {
      const answer = await call(cookie, body);
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'invalid-request' } });
    }
    expect(calls).toEqual([]);
  });

  it('streams the snapshot at once, and every later one', async () => {
    const cookie = await signedIn();
    const response = await fetch(`${origin()}/bridge/snapshots`, { headers: { cookie } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
    push({ ...snapshot, version: '2.0.0' });
    expect((await reader?.read())?.value).toContain('"version":"2.0.0"');
    await reader?.cancel();
  });
});
