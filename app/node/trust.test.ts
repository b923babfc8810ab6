import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../../native/testing/tools.ts';
import { toAppError } from '../errors.ts';
import { trustFurther } from './trust.ts';

describe.skipIf(!has('openssl'))('further certificate authorities (needs openssl)', () => {
  let folder: string;
  let server: Server;
  let url: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-trust-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Example CA');
    await writeFile(at('san'), 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
    openssl('req', '-new', ...ec.slice(0, 5), '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=server');
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-days',
      '2',
      '-extfile',
      'san',
      '-out',
      'leaf.pem',
    );
    server = createServer(
      { key: await readFile(at('leaf.key')), cert: await readFile(at('leaf.pem')) },
      (_request, response) => response.end('ok'),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('count from when they are named, and not before', async () => {
    const refused = await fetch(url).catch(toAppError);
    expect(refused).toMatchObject({
      code: 'server-untrusted',
    });
    for (const [name, text] of [
      ['empty.pem', ''],
      ['broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
      ['leaf.pem', undefined],
      ['missing.pem', undefined],
    ] as const) {
      if (text !== undefined) await writeFile(at(name), text);
      await expect(trustFurther(at(name))).rejects.toMatchObject({ code: 'policy-unreadable' });
    }
    await expect(fetch(url)).rejects.toThrow();
    expect(await trustFurther(at('ca.pem'))).toBe(1);
    expect(await (await fetch(url)).text()).toBe('ok');
  });
});
