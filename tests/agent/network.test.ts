import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import https, { type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { prepareNetwork } from '../../agent/network.ts';
import { plainRequest } from '../../agent/plainRequest.ts';
import { toAppError } from '../../app/errors.ts';
import { createHttp } from '../../app/http.ts';
import { type ManagedSettings, silentLogger, systemClock } from '../../app/index.ts';
import { createInventory } from '../../app/inventory.ts';
import { has } from '../../native/testing/tools.ts';
import { makeAuthority } from '../hosts/authority.ts';
import { startConnectProxy } from '../hosts/front.ts';

/** As the command finds its network by what IT set: the same requests as in the installed command, in this process. */
describe.skipIf(!has('openssl'))('the network of the command by managed settings (needs openssl)', () => {
  let folder: string;
  let server: Server;
  let origin: string;
  let own: Awaited<ReturnType<typeof makeAuthority>>;
  let other: Awaited<ReturnType<typeof makeAuthority>>;
  let proxy: Awaited<ReturnType<typeof startConnectProxy>>;
  const authorities = getCACertificates('default');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-agent-network-'));
    own = await makeAuthority(folder, 'localhost');
    other = await makeAuthority(folder, 'other.example');
    server = https.createServer(own.leaf, (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: `${origin}/there` }).end();
      else response.end(`${request.method} ${request.url}`);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    proxy = await startConnectProxy({ [new URL(origin).host]: Number(new URL(origin).port) });
  });
  afterEach(() => {
    setDefaultCACertificates(authorities);
    proxy.asked.length = 0;
    // No test goes over a connection that another one opened.
    https.globalAgent.destroy();
  });
  afterAll(async () => {
    await proxy?.close();
    server?.closeAllConnections();
    await new Promise<void>((done) => (server ? server.close(() => done()) : done()));
    await rm(folder, { recursive: true, force: true });
  });

  const prepare = (settings: Record<string, string>, env: NodeJS.ProcessEnv = {}) => {
    const managed: Pick<ManagedSettings, 'effective'> = { effective: (name) => settings[name] as never };
    return prepareNetwork(managed as ManagedSettings, silentLogger, env);
  };
  const ask = async (path = '/there') => {
    const answer = await plainRequest(`${origin}${path}`, {
      method: 'GET',
      headers: {},
      redirect: 'manual',
      cache: 'no-store',
    });
    let text = '';
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk);
    return { status: answer.status, text };
  };

  it('trusts what ExtraCaFile names, and refuses an authority that nobody named', async () => {
    await prepare({});
    expect(await ask().catch(toAppError)).toMatchObject({ code: 'server-untrusted' });
    await prepare({ ExtraCaFile: other.file });
    expect(await ask().catch(toAppError)).toMatchObject({ code: 'server-untrusted' });
    await prepare({ ExtraCaFile: own.file });
    expect(await ask()).toEqual({ status: 200, text: 'GET /there' });
  });

  it('trusts no less where ExtraCaFile cannot be used', async () => {
    const broken = join(folder, 'broken.pem');
    await writeFile(broken, 'none');
    await prepare({ ExtraCaFile: own.file });
    await prepare({ ExtraCaFile: broken });
    expect((await ask()).status).toBe(200);
  });

  it('answers a redirect instead of following it, also over https', async () => {
    await prepare({ ExtraCaFile: own.file });
    expect((await ask('/moved')).status).toBe(302);
    const inventory = createInventory(
      createHttp(origin, {
        fetch,
        request: (_url, init) => plainRequest(`${origin}/moved`, init),
        clock: systemClock,
      }),
    );
    await expect(inventory.server()).rejects.toMatchObject({ code: 'captive-portal' });
  });

  it.each([
    [
      'named by the setting Proxy',
      () => ({ Proxy: `http://${proxy.host}` }),
      () => ({ NO_PROXY: 'elsewhere.example' }),
    ],
    ['named by the environment', () => ({}), () => ({ HTTPS_PROXY: `http://${proxy.host}` })],
  ])('goes through a proxy %s', async (_, settings, env) => {
    await prepare({ ExtraCaFile: own.file, ...settings() }, env());
    expect((await ask()).status).toBe(200);
    expect(proxy.asked).toEqual([new URL(origin).host]);
  });

  it.each([
    ['NO_PROXY names it', () => ({}), () => ({ HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: 'localhost' })],
    ['it is this machine', () => ({ Proxy: `http://${proxy.host}` }), () => ({})],
  ])('goes past the proxy where %s', async (_, settings, env) => {
    await prepare({ ExtraCaFile: own.file, ...settings() }, env());
    expect((await ask()).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });
});
