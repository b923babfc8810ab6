import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bindingDigest, makeCredential, verifyCertify } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from '../tpm/attestor.ts';
import { openTpm } from '../tpm/open.ts';
import { connectTpmService, servicePath } from './client.ts';
import { encodeLine, MAX_LINE, parseRequest } from './protocol.ts';
import { startTpmService, type TpmService } from './server.ts';

const me = process.getuid?.() ?? 0;

describe('requests to the service', () => {
  const key = { public: new Uint8Array(10), private: new Uint8Array(10) };
  it('are the fixed verbs with arguments of the right kind, and nothing else', () => {
    expect(parseRequest({ id: 1, verb: 'sign', args: [key, new Uint8Array(32)] })).toMatchObject({ verb: 'sign' });
    expect(parseRequest({ id: 1, verb: 'readEndorsement', args: ['device:/dev/tpm0'] }).args).toEqual([]);
    const binding = { origin: 'o', challenge: new Uint8Array(1), grantThumbprint: 't', permanentIdentifier: 'p' };
    for (const request of [
      undefined,
      { id: 1, verb: 'close', args: [] },
      { id: 1, verb: 'toString', args: [] },
      { id: 1, verb: 'constructor', args: [] },
      { id: '1', verb: 'sign', args: [key, new Uint8Array(32)] },
      { id: 1, verb: 'sign', args: [key, new Uint8Array(31)] },
      { id: 1, verb: 'sign', args: [{ ...key, private: 'x' }, new Uint8Array(32)] },
      { id: 1, verb: 'sign', args: [{ ...key, private: new Uint8Array(5000) }, new Uint8Array(32)] },
      { id: 1, verb: 'certify', args: [key, key, { ...binding, origin: 7 }] },
      { id: 1, verb: 'quote', args: [key, key, binding, { bank: 'sha1', pcrs: [0] }] },
      { id: 1, verb: 'quote', args: [key, key, binding, { bank: 'sha256', pcrs: [24] }] },
    ]) {
      expect(() => parseRequest(request)).toThrow(expect.objectContaining({ code: 'service-request-refused' }));
    }
  });

  it('go to a place of the platform, or to none', () => {
    expect(servicePath('linux')).toMatch(/^\/run\//);
    expect(servicePath('win32')).toMatch(/^\\\\\.\\pipe\\/);
    expect(servicePath('darwin')).toBeUndefined();
  });
});

describe.skipIf(!has('swtpm') || process.platform === 'win32')('the service on a software TPM (needs swtpm)', () => {
  let folder: string;
  let path: string;
  let software: SoftwareTpm;
  let service: TpmService | undefined;
  let opened = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-service-'));
    path = join(folder, 'tpm.sock');
    software = await startSoftwareTpm({ folder });
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const start = async () => {
    service = await startTpmService({
      path,
      async open() {
        opened += 1;
        return createTpmAttestor(await openTpm({ tcti: software.tcti, inProcess: true }));
      },
    });
  };
  const client = async () => {
    const attestor = await connectTpmService(path, me);
    if (!attestor) throw new Error('The service is not there.');
    return attestor;
  };

  it('offers an enrolment to a process that may not use the TPM itself', async () => {
    await start();
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    const attestor = await client();
    const { eks } = await attestor.readEndorsement();
    const ak = await attestor.createAttestationKey();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made = makeCredential({ ekPublic: eks[0]?.publicKeySpki as Uint8Array, akName: ak.name, secret });
    const urn = eks[0]?.permanentIdentifier ?? '';
    expect(await attestor.activateCredential(ak.key, urn, made.credentialBlob, made.encryptedSecret)).toEqual(secret);
    const device = await attestor.createDeviceKey();
    const binding = {
      origin: 'https://x.example',
      challenge: secret,
      grantThumbprint: 'A'.repeat(43),
      permanentIdentifier: urn,
    };
    const extraData = bindingDigest('certify', { ...binding, akName: ak.name, deviceKeyName: device.name });
    const certified = await attestor.certify(device.key, ak.key, binding);
    expect(verifyCertify({ ...certified, akPublic: ak.public, subjectPublic: device.public, extraData }).spki).toEqual(
      device.spki,
    );
    const quoted = await attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0, 7] });
    expect(quoted.pcrValues.map(({ index }) => index)).toEqual([0, 7]);
    const many = await Promise.all(Array.from({ length: 4 }, () => attestor.sign(device.key, secret)));
    expect(many.every((signature) => signature.length === 64)).toBe(true);
    await attestor.close();
    expect(opened).toBe(1);
    await expect(attestor.readEndorsement()).rejects.toMatchObject({ code: 'tpm-closed' });
  });

  it('tells errors by their code, and nothing that it did not mean to tell', async () => {
    await start();
    const attestor = await client();
    const key = { public: new Uint8Array(40), private: new Uint8Array(40) };
    await expect(attestor.sign(key, new Uint8Array(32))).rejects.toMatchObject({
      code: 'key-file-damaged',
      advice: expect.any(String),
    });
    await expect(attestor.sign(key, new Uint8Array(5))).rejects.toMatchObject({ code: 'service-request-refused' });
    await attestor.close();
  });

  it('ends a client that sends no protocol or no end, and goes on with the others', async () => {
    await start();
    const rude = connect(path);
    rude.on('error', () => undefined);
    const answer = new Promise<string>((resolve) => rude.once('data', (data) => resolve(String(data))));
    rude.write('GET / HTTP/1.1\n');
    expect(await answer).toContain('service-request-refused');
    const closed = new Promise((resolve) => rude.once('close', resolve));
    rude.write('x'.repeat(MAX_LINE + 100_000));
    await closed;
    const attestor = await client();
    expect((await attestor.readEndorsement()).eks.length).toBeGreaterThan(0);
    await attestor.close();
  });

  it('says when the service goes away in the middle', async () => {
    await start();
    const attestor = await client();
    await attestor.readEndorsement();
    const asked = attestor.createDeviceKey();
    void service?.close();
    service = undefined;
    await expect(asked).rejects.toMatchObject({ code: 'tpm-connection-lost' });
  });

  it('replaces a socket that a crash left, and leaves a running service alone', async () => {
    await start();
    await expect(startTpmService({ path, open: () => Promise.reject(new Error('never')) })).rejects.toMatchObject({
      code: 'tpm-busy',
    });
    const other = join(folder, 'file');
    await writeFile(other, '');
    await expect(
      startTpmService({ path: other, open: () => Promise.reject(new Error('never')) }),
    ).rejects.toMatchObject({ code: 'state-folder-unusable' });
  });

  it('is not asked where nobody runs it, or where the socket is somebody else’s', async () => {
    expect(await connectTpmService(join(folder, 'nothing.sock'), me)).toBeUndefined();
    await start();
    expect(await connectTpmService(path, me + 1)).toBeUndefined();
  });

  it.skipIf(me !== 0)(
    'is asked where it runs as an account of its own, in the folder made for it (needs root)',
    async () => {
      const own = join(folder, 'own');
      await mkdir(own, { mode: 0o755 });
      const socket = join(own, 'tpm.sock');
      const running = await startTpmService({ path: socket, open: () => Promise.reject(new Error('not opened')) });
      try {
        await chown(socket, 12345, 0);
        expect(await connectTpmService(socket, 0)).toBeUndefined();
        await chown(own, 12345, 0);
        const attestor = await connectTpmService(socket, 0);
        expect(attestor).toBeDefined();
        await attestor?.close();
        await chmod(own, 0o777);
        expect(await connectTpmService(socket, 0)).toBeUndefined();
      } finally {
        await running.close();
      }
    },
  );

  it('writes one line for each message', () => {
    expect(encodeLine({ id: 1, verb: 'sign', args: [new Uint8Array([1, 2])] })).toBe(
      '{"id":1,"verb":"sign","args":[{"base64":"AQI="}]}\n',
    );
  });
});
