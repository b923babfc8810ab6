import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../app/index.ts';
import { CONTENT_SECURITY_POLICY } from './csp.ts';
import { isWindowUrl, SCHEMES, serveWindow } from './protocol.ts';
import { readRendererFile } from './rendererFiles.ts';

let folder: string;
let root: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-files-'));
  root = join(folder, 'renderer');
  await mkdir(join(root, 'assets'), { recursive: true });
  await writeFile(join(root, 'index.html'), '<!doctype html>');
  await writeFile(join(root, 'assets/index.js'), 'export {};');
  await writeFile(join(folder, 'secret.json'), '{}');
  await mkdir(join(folder, 'renderer-beside'));
  await writeFile(join(folder, 'renderer-beside/index.html'), 'beside');
  await symlink(join(folder, 'secret.json'), join(root, 'link.json'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('files of the window', () => {
  it('are served with their type', async () => {
    expect((await readRendererFile(root, '/'))?.type).toBe('text/html; charset=utf-8');
    expect((await readRendererFile(root, '/assets/index.js'))?.type).toBe('text/javascript; charset=utf-8');
  });

  const OUTSIDE = [
    '/../secret.json',
    '/%2e%2e/secret.json',
    '/..%2fsecret.json',
    '/assets/../../secret.json',
    '/assets/%2e%2e/%2e%2e/secret.json',
    '/..\\secret.json',
    '/%5c..%5csecret.json',
    '/link.json',
    '/../renderer-beside/index.html',
    '//etc/passwd',
    '/index.html%00.js',
    '/%E0%A4%A',
    '/assets',
    '/nothing.js',
    '/.inputs',
  ];
  for (const path of OUTSIDE) {
    it(`do not include ${path}`, async () => expect(await readRendererFile(root, path)).toBeUndefined());
  }
});

describe('the app protocol', () => {
  let handler: (request: Request) => Response | Promise<Response>;
  beforeAll(() => {
    const handle = (_scheme: string, given: unknown) => {
      handler = given as typeof handler;
    };
    serveWindow({ handle: handle as never }, root, silentLogger);
  });

  it('is standard and secure, and bypasses no policy', () => {
    expect(SCHEMES).toEqual([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
  });

  it('answers with the policy as a header, on every answer', async () => {
    for (const url of ['app://window/index.html', 'app://window/nothing.js', 'app://elsewhere/index.html']) {
      const answer = await handler(new Request(url));
      expect(answer.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('serves the window host only, by GET only', async () => {
    expect((await handler(new Request('app://window/index.html'))).status).toBe(200);
    expect((await handler(new Request('app://elsewhere/index.html'))).status).toBe(404);
    expect((await handler(new Request('app://window/index.html', { method: 'POST' }))).status).toBe(405);
    expect((await handler(new Request('app://window/..%2f..%2fsecret.json'))).status).toBe(404);
  });

  it('knows its own pages by parsed address, not by prefix', () => {
    expect(isWindowUrl('app://window/index.html')).toBe(true);
    for (const url of [
      'app://window.evil/index.html',
      'app://window@evil/',
      'https://window/',
      'app://evil/window',
      'about:blank',
      '',
    ]) {
      expect(isWindowUrl(url)).toBe(false);
    }
  });

  it('allows nothing inline, nothing from elsewhere, no frames, and demands Trusted Types', () => {
    expect(CONTENT_SECURITY_POLICY).toContain("default-src 'none'");
    expect(CONTENT_SECURITY_POLICY).toContain("require-trusted-types-for 'script'");
    expect(CONTENT_SECURITY_POLICY).toContain("frame-ancestors 'none'");
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|\*|https?:/);
  });
});
