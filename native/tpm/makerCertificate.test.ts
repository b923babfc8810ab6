import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMaker } from '../testing/blankTpm.ts';
import { has, output } from '../testing/tools.ts';
import type { TpmAttestor, TpmEndorsement } from './attestor.ts';
import {
  type CertificateFetch,
  fetchMakerCertificate,
  makerCertificateUrl,
  withMakerCertificates,
} from './makerCertificate.ts';

const INTEL = 0x494e5443;
const AMD = 0x414d4400;
const rsaSpki = (modulusLength = 2048) =>
  new Uint8Array(generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ type: 'spki', format: 'der' }));
const modulusOf = (spki: Uint8Array) => Buffer.from(spki.subarray(33, 33 + 256));

describe('the address of a certificate at its maker', () => {
  const spki = rsaSpki();

  it('is Intel’s, under a hash of modulus and exponent with its padding percent-encoded', () => {
    const hash = createHash('sha256').update(modulusOf(spki)).update(Buffer.from('010001', 'hex')).digest('base64');
    const path = encodeURIComponent(hash.replaceAll('+', '-').replaceAll('/', '_'));
    expect(path).toMatch(/%3D$/);
    expect(makerCertificateUrl(INTEL, spki)).toBe(`https://ekop.intel.com/ekcertservice/${path}`);
  });

  it('is AMD’s, under half a hash of exponent and modulus', () => {
    const hash = createHash('sha256')
      .update(Buffer.from('0000222200010001', 'hex'))
      .update(modulusOf(spki))
      .digest('hex');
    expect(makerCertificateUrl(AMD, spki)).toBe(`https://ftpm.amd.com/pki/aia/${hash.slice(0, 32).toUpperCase()}`);
  });

  it('is none for other makers, and for keys that no service is known for', () => {
    expect(makerCertificateUrl(0x49465800, spki)).toBeUndefined();
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const ecc = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    expect(makerCertificateUrl(INTEL, ecc)).toBeUndefined();
  });
});

describe.skipIf(!has('openssl'))('certificates from the maker (needs openssl)', () => {
  type Answer = {
    status?: number;
    headers?: Record<string, string>;
    body?: Uint8Array | string;
    hang?: boolean;
    cut?: boolean;
  };
  let folder: string;
  let server: Server;
  let spki: Uint8Array;
  let certificate: Uint8Array;
  let answer: Answer;
  let asked: string[];
  let urls: string[];
  const authorities = getCACertificates('default');

  /** The port: the maker's address, reached at the server of this test by real https. */
  const port: CertificateFetch = (url, init) => {
    urls.push(url);
    const { pathname } = new URL(url);
    return fetch(`https://localhost:${(server.address() as AddressInfo).port}${pathname}`, init);
  };
  const ask = (manufacturer: number, deadlineMs?: number) =>
    fetchMakerCertificate({ manufacturer, spki }, port, deadlineMs);
  const json = (value: object) => JSON.stringify(value);
  const intel = (bytes: Uint8Array) =>
    json({ pubhash: 'x', certificate: `${Buffer.from(bytes).toString('base64url')}%3D%3D` });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-maker-'));
    const [key, cert] = [join(folder, 'tls.key'), join(folder, 'tls.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7'];
    output('openssl', [
      'req',
      '-x509',
      ...curve,
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ]);
    const pem = await readFile(cert, 'utf8');
    setDefaultCACertificates([...authorities, pem]);
    server = createServer({ key: await readFile(key), cert: pem }, (request, response) => {
      asked.push(request.url ?? '');
      if (answer.hang) return;
      response.writeHead(answer.status ?? 200, answer.headers);
      if (answer.cut) response.write(answer.body, () => response.destroy());
      else response.end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    spki = rsaSpki();
    certificate = await createMaker(folder, '').certificate(spki);
  });
  afterAll(async () => {
    setDefaultCACertificates(authorities);
    server?.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    asked = [];
    urls = [];
    answer = { status: 404 };
  });

  it('are taken from Intel’s JSON and AMD’s DER, by https from those two alone', async () => {
    answer = { body: intel(certificate) };
    expect(await ask(INTEL)).toEqual(certificate);
    answer = { body: json({ certificate: Buffer.from(certificate).toString('base64url') }) };
    expect(await ask(INTEL)).toEqual(certificate);
    answer = { body: Buffer.concat([certificate, Buffer.alloc(9)]) };
    expect(await ask(AMD)).toEqual(certificate);
    expect(urls.map((url) => new URL(url).origin)).toEqual([
      'https://ekop.intel.com',
      'https://ekop.intel.com',
      'https://ftpm.amd.com',
    ]);
    expect(asked[0]).toMatch(/^\/ekcertservice\/[\w-]{43}%3D$/);
    expect(asked[2]).toMatch(/^\/pki\/aia\/[0-9A-F]{32}$/);
  });

  it('are not taken when they belong to another key', async () => {
    const other = await createMaker(folder, '').certificate(rsaSpki());
    answer = { body: other };
    expect(await ask(AMD)).toBeUndefined();
    answer = { body: intel(other) };
    expect(await ask(INTEL)).toBeUndefined();
  });

  it.each<[string, () => Answer]>([
    ['none there', () => ({ status: 404 })],
    ['refused', () => ({ status: 403, body: 'no' })],
    ['sent elsewhere', () => ({ status: 302, headers: { location: '/pki/aia/elsewhere' } })],
    ['a page', () => ({ body: '<html>sign in to the network</html>' })],
    ['empty', () => ({})],
    ['cut short', () => ({ headers: { 'content-length': '4000' }, body: certificate.subarray(0, 300), cut: true })],
    ['longer than any certificate', () => ({ body: Buffer.concat([certificate, Buffer.alloc(64 * 1024)]) })],
    ['JSON without a certificate', () => ({ body: json({ pubhash: 'x' }) })],
    ['JSON with other text', () => ({ body: json({ certificate: 'not base64!' }) })],
  ])('are none, and no error, where the answer is %s', async (_, make) => {
    answer = make();
    expect([await ask(INTEL), await ask(AMD)]).toEqual([undefined, undefined]);
    // A redirection was not followed.
    expect(asked).toHaveLength(2);
  });

  it('are not waited for longer than the deadline', async () => {
    answer = { hang: true };
    expect(await ask(AMD, 200)).toBeUndefined();
  });

  it('are none, and no error, where there is no network', async () => {
    const offline: CertificateFetch = () => Promise.reject(new TypeError('fetch failed'));
    expect(await fetchMakerCertificate({ manufacturer: AMD, spki }, offline)).toBeUndefined();
  });

  it('are given to the EKs that have none, once, and the others are not asked about', async () => {
    answer = { body: certificate };
    const own = new Uint8Array([0x30, 1]);
    const found: TpmEndorsement = {
      eks: [
        { publicKeySpki: spki, permanentIdentifier: 'one', algorithm: 'RSA-2048', certificateMismatch: 'another key' },
        { publicKeySpki: rsaSpki(), permanentIdentifier: 'two', algorithm: 'RSA-2048', certificate: own },
      ],
      chain: [],
      tpm: { manufacturer: AMD, vendor: 'AMD', firmwareVersion: '1.2' },
    };
    const attestor = withMakerCertificates({ readEndorsement: async () => found } as TpmAttestor, port);
    for (let round = 0; round < 2; round += 1) {
      const { eks } = await attestor.readEndorsement();
      expect(eks.map((ek) => ek.certificate)).toEqual([certificate, own]);
      expect(eks[0]).not.toHaveProperty('certificateMismatch');
    }
    expect(asked).toHaveLength(1);
  });
});
