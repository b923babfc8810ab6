import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bindingDigest, makeCredential, verifyCertify } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { NativeError } from '../errors.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from '../tpm/attestor.ts';
import { openTpm } from '../tpm/open.ts';
import { connectForEnrolment, connectTpmService, servicePath } from './client.ts';
import { readMachineHere } from './machine.ts';
import { encodeLine, MAX_LINE, parseRequest } from './protocol.ts';
import { collectSerials } from './serials.ts';
import { type ServiceOptions, startTpmService, type TpmService } from './server.ts';

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
      { id: 1, verb: 'hold', args: ['file:///etc'] },
      { id: 1, verb: 'hold', args: ['https://a.example/path'] },
      { id: 1, verb: 'hold', args: [7] },
    ]) {
      expect(() => parseRequest(request)).toThrow(expect.objectContaining({ code: 'service-request-refused' }));
    }
  });

  it('go to a place of the platform, or to none', () => {
    expect(servicePath('linux')).toMatch(/^\/run\//);
    for (const platform of ['win32', 'darwin'] as const) expect(servicePath(platform)).toBeUndefined();
  });
});

describe.skipIf(!has('swtpm') || process.platform !== 'linux')('the service on a software TPM (needs swtpm)', () => {
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
  const start = async (more: Partial<ServiceOptions> = {}) => {
    service = await startTpmService({
      path,
      admission: { own: me, group: undefined, firstPerson: 1000 },
      async open() {
        opened += 1;
        return createTpmAttestor(await openTpm({ tcti: software.tcti, inProcess: true }));
      },
      ...more,
    });
  };
  const client = async () => {
    const attestor = await connectTpmService(path, me);
    if (!attestor) throw new Error('The service is not there.');
    return attestor;
  };

  it('offers an enrolment to a process that may not use the TPM itself', async () => {
    await start();
    // Whom it answers is decided by whom the kernel names, not by the mode.
    expect((await stat(path)).mode & 0o777).toBe(0o666);
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

  it('refuses a flood and still answers: bounded in what waits, and in connections', async () => {
    await start({ waiting: { each: 4, all: 8 }, connections: { each: 3, all: 5 } });
    const attestor = await client();
    const flood = await Promise.allSettled(Array.from({ length: 200 }, () => attestor.readEndorsement()));
    const codes = flood.map((one) => (one.status === 'fulfilled' ? 'answered' : one.reason.code));
    expect(new Set(codes)).toEqual(new Set(['answered', 'tpm-busy']));
    expect(codes.filter((code) => code === 'answered').length).toBeGreaterThanOrEqual(4);
    expect((await attestor.readEndorsement()).eks.length).toBeGreaterThan(0);
    const more = [await client(), await client()];
    const tooMany = await client();
    await expect(tooMany.readEndorsement()).rejects.toMatchObject({ code: 'tpm-busy' });
    for (const open of [attestor, ...more]) await open.close();
    // The service learns of an end a moment after it.
    await expect
      .poll(
        async () => {
          const again = await client();
          return again
            .enrolment()
            .then(({ by }) => by)
            .finally(() => again.close());
        },
        { timeout: 30_000 },
      )
      .toBe('nobody');
  });

  it('says whose the enrolment is while the TPM is busy', async () => {
    const held = Promise.withResolvers<never>();
    held.promise.catch(() => undefined);
    await start({ open: () => held.promise });
    const attestor = await client();
    const slow = attestor.readEndorsement().catch((error: unknown) => error);
    expect(await attestor.enrolment()).toEqual({ by: 'nobody', origin: null });
    held.reject(new NativeError('tpm-timeout', 'late'));
    expect(await slow).toMatchObject({ code: 'tpm-timeout' });
    await attestor.close();
  });

  it('ends a client that asks and never reads', async () => {
    await start();
    const rude = connect(path);
    const closed = new Promise((resolve) => rude.once('close', resolve));
    rude.on('error', () => undefined);
    rude.pause();
    const line = `${JSON.stringify({ id: 1, verb: 'nothing', args: [] })}\n`.repeat(1000);
    const pump = () => {
      while (!rude.destroyed && rude.write(line));
    };
    rude.on('drain', pump);
    pump();
    await closed;
    const attestor = await client();
    expect(await attestor.enrolment()).toEqual({ by: 'nobody', origin: null });
    await attestor.close();
  });

  it('tells the serials that only root may read, and the report says who read them', async () => {
    const secret = {
      serial: { value: 'PF3ABCDE' },
      hardwareUuid: { unavailable: 'This machine has no hardware UUID.' },
    };
    await start({ readSerials: async () => secret });
    const own = {
      hostName: 'vm',
      architecture: 'x64',
      os: 'Linux',
      osVersion: 'Debian',
      manufacturer: { value: 'Maker' },
      model: { value: 'Model' },
      serial: { unavailable: 'Linux lets only root read it.' },
      hardwareUuid: { unavailable: 'Linux lets only root read it.' },
      virtualMachine: 'no',
    } as const;
    const through = () => connectTpmService(path, me);
    expect(await readMachineHere('linux', through, async () => own)).toEqual({
      ...own,
      serial: { value: 'PF3ABCDE', readBy: 'service' },
      hardwareUuid: secret.hardwareUuid,
    });
    const known = { ...own, serial: { value: 'OWN' } };
    expect((await readMachineHere('linux', through, async () => known)).serial).toEqual({ value: 'OWN' });
    expect(
      await readMachineHere(
        'linux',
        async () => undefined,
        async () => own,
      ),
    ).toEqual(own);
    expect(await readMachineHere('win32', through, async () => own)).toEqual(own);
    await service?.close();
    await start({ readSerials: () => Promise.reject(new Error('broken')) });
    expect((await readMachineHere('linux', through, async () => own)).serial).toEqual({
      unavailable: expect.stringContaining('was asked'),
      why: 'service-failed',
    });
  });

  it('reads them from what systemd handed over, and takes the mark for nothing as nothing', async () => {
    const credentials = join(folder, 'credentials');
    await mkdir(credentials);
    await writeFile(join(credentials, 'product_serial'), 'PF3ABCDE\n');
    await writeFile(join(credentials, 'product_uuid'), '4c4c4544-0044-4810-8031-b4c04f564432');
    expect(await collectSerials(credentials)).toEqual({
      serial: { value: 'PF3ABCDE' },
      hardwareUuid: { value: '4C4C4544-0044-4810-8031-B4C04F564432' },
    });
    await writeFile(join(credentials, 'product_serial'), '-');
    expect((await collectSerials(credentials)).serial).toEqual((await collectSerials(join(folder, 'none'))).serial);
  });

  describe.skipIf(me !== 0)('and several accounts (needs root)', () => {
    const ask = async (uid: number, verbs: unknown[][], groups = '') => {
      const script = fileURLToPath(new URL('../testing/asAccount.ts', import.meta.url));
      const args = [script, path, String(me), String(uid), groups, JSON.stringify(verbs)];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
      return JSON.parse(stdout) as unknown[];
    };
    beforeAll(() => chmod(folder, 0o755));

    it('answers people and its group, and no other daemon, whatever the mode of the socket', async () => {
      await start({ admission: { own: me, group: 4242, firstPerson: 1000 } });
      const [refused, person, member] = await Promise.all([
        ask(33, [['enrolment']]),
        ask(54_321, [['enrolment']]),
        ask(998, [['enrolment']], '4242'),
      ]);
      expect(refused).toEqual([expect.objectContaining({ code: 'tpm-permission' })]);
      expect(person).toEqual([{ by: 'nobody', origin: null }]);
      expect(member).toEqual(person);
    });

    it('lets one account enrol: the agent and a person are not two devices of one TPM', async () => {
      await start({ admission: { own: me, group: 4242, firstPerson: 1000 } });
      const agent = await ask(998, [['createAttestationKey'], ['hold', 'https://a.example']], '4242');
      expect(agent).toEqual([expect.objectContaining({ name: expect.anything() }), null]);
      const [person, again] = await Promise.all([
        ask(54_321, [
          ['enrolment'],
          ['createAttestationKey'],
          ['createDeviceKey'],
          ['release'],
          ['hold', 'https://b.example'],
        ]),
        ask(997, [['enrolment'], ['createDeviceKey']], '4242'),
      ]);
      const enrolled = expect.objectContaining({
        code: 'machine-enrolled',
        message: expect.stringContaining('the Muster agent'),
      });
      expect(person).toEqual([{ by: 'agent', origin: 'https://a.example' }, enrolled, enrolled, enrolled, enrolled]);
      // The agent with the number that systemd gave it after a restart.
      expect(again).toEqual([
        { by: 'you', origin: 'https://a.example' },
        expect.objectContaining({ spki: expect.anything() }),
      ]);
      expect(await ask(998, [['release']], '4242')).toEqual([null]);
      expect(await ask(54_321, [['createDeviceKey']])).toEqual([expect.objectContaining({ spki: expect.anything() })]);
    });

    it('says so before anybody signs in', async () => {
      await start();
      await ask(54_321, [['hold', 'https://a.example']]);
      const own = await connectForEnrolment(path, me);
      // Root looks after the machine of others, but does not enrol it a second time.
      expect(own).toBeDefined();
      await expect(own?.createDeviceKey()).rejects.toMatchObject({ code: 'machine-enrolled' });
      await own?.release();
      await expect(own?.createDeviceKey()).resolves.toBeDefined();
      await own?.close();
    });
  });

  it('writes one line for each message', () => {
    expect(encodeLine({ id: 1, verb: 'sign', args: [new Uint8Array([1, 2])] })).toBe(
      '{"id":1,"verb":"sign","args":[{"base64":"AQI="}]}\n',
    );
    expect(encodeLine({ id: 1, verb: 'sign', args: [Buffer.from([1, 2])] })).toBe(
      encodeLine({ id: 1, verb: 'sign', args: [new Uint8Array([1, 2])] }),
    );
  });
});
