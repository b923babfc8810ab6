import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCredential } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { isNativeError } from '../errors.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../testing/faultyProxy.ts';
import { has } from '../testing/tools.ts';
import { serveOnUnixSocket } from '../testing/transports.ts';
import { createTpmAttestor } from './attestor.ts';
import { findEndorsement } from './endorsement.ts';
import { listLoaded } from './handles.ts';
import { readTpmInfo } from './info.ts';
import type { AkAlgorithm } from './keys.ts';
import { openTpm } from './open.ts';
import type { Tpm } from './tpm.ts';

const challenge = new Uint8Array(32).fill(9);

/** Every verb once: what the commands for engineers read, then the verbs in the order of an enrolment. */
async function ceremony(tpm: Tpm, akAlgorithm: AkAlgorithm): Promise<void> {
  const attestor = createTpmAttestor(tpm, { akAlgorithm });
  await readTpmInfo(tpm);
  await tpm.work((scope) => findEndorsement(scope, 'preferred'));
  const { eks } = await attestor.readEndorsement();
  const ek = eks[0];
  if (!ek) throw new Error('no endorsement key');
  const ak = await attestor.createAttestationKey();
  const made = makeCredential({ ekPublic: ek.publicKeySpki, akName: ak.name, secret: challenge });
  await attestor.activateCredential(ak.key, ek.permanentIdentifier, made.credentialBlob, made.encryptedSecret);
  const device = await attestor.createDeviceKey();
  const binding = {
    origin: 'https://x.example',
    challenge,
    grantThumbprint: 'A'.repeat(43),
    permanentIdentifier: ek.permanentIdentifier,
  };
  await attestor.certify(device.key, ak.key, binding);
  await attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0, 7] });
  await attestor.sign(device.key, challenge);
}

const ways: { way: 'a TCP socket' | 'a UNIX socket'; akAlgorithm: AkAlgorithm }[] = [
  { way: 'a TCP socket', akAlgorithm: 'ECC-P256' },
  { way: 'a UNIX socket', akAlgorithm: 'RSA-2048' },
];
describe.skipIf(!has('swtpm')).each(ways)('faults on $way, AK $akAlgorithm (needs swtpm)', ({ way, akAlgorithm }) => {
  let folder: string;
  let software: SoftwareTpm;
  let proxy: FaultyProxy;
  let tpm: Tpm;
  let commands: number;
  /** RSA keys take the TPM so long that only some of the commands are hit; the code above the pipe is the same. */
  const pace = akAlgorithm === 'RSA-2048' ? 4 : 1;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-faults-'));
    software = await startSoftwareTpm({ folder });
    if (way === 'a UNIX socket') {
      await software.stop();
      software = { ...software, ...(await serveOnUnixSocket(folder)) };
    }
    proxy = await startFaultyProxy(
      software.port,
      'path' in software ? { path: String(software.path), listenAt: join(folder, 'faulty.sock') } : {},
    );
    const counting = await openTpm({ tcti: proxy.tcti, inProcess: true });
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    await ceremony(counting, akAlgorithm);
    commands = proxy.commands();
    await counting.close();
  });
  afterAll(async () => {
    await proxy?.stop();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    tpm = await openTpm({ tcti: proxy.tcti, inProcess: true });
  });
  afterEach(() => tpm.close());

  const loaded = async (of: Tpm = tpm): Promise<number[]> => {
    // A fault that the ceremony did not reach must not hit the look at what it left.
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    for (const limit = performance.now() + 60_000; ; ) {
      try {
        return await of.work((scope) => listLoaded((request) => scope.run(request)));
      } catch (error) {
        // The TPM may still be at the command that came too late.
        if (!isNativeError(error, 'tpm-timeout') || performance.now() > limit) throw error;
      }
    }
  };
  const failureOf = (of: Tpm = tpm) =>
    ceremony(of, akAlgorithm).then(
      () => undefined,
      (error: unknown) => error,
    );

  const faults: [string, Fault, RegExp][] = [
    ['a response cut in its header', { kind: 'truncate', bytes: 7 }, /^tpm-connection-lost$/],
    ['a response cut in its body', { kind: 'truncate', bytes: 12 }, /^tpm-connection-lost$/],
    ['a lost connection', { kind: 'drop' }, /^tpm-connection-lost$/],
    ['an unknown error code', { kind: 'fail', responseCode: 0x0f0 }, /^tpm-error$/],
    ['failure mode', { kind: 'fail', responseCode: 0x101 }, /^tpm-failure-mode$/],
    ['lockout', { kind: 'fail', responseCode: 0x921 }, /^tpm-locked-out$/],
    ['a missing authorization', { kind: 'fail', responseCode: 0x9a2 }, /^tpm-auth-required$/],
  ];
  it.each(faults)('%s ends in a typed error, leaves no handle, and the next ceremony works', async (_, fault, code) => {
    const before = await loaded();
    let failures = 0;
    // Each fault takes its turn, so that every kind of command is hit by one or another and the suite stays quick.
    for (let nth = 1 + faults.findIndex(([, item]) => item === fault); nth <= commands; nth += faults.length * pace) {
      proxy.arm(nth, fault);
      const failed = await failureOf();
      if (failed !== undefined) {
        failures += 1;
        expect(isNativeError(failed), `command ${nth}: ${failed}`).toBe(true);
        expect((failed as { code: string }).code, `command ${nth}`).toMatch(code);
      }
      expect(await loaded(), `after command ${nth}`).toEqual(before);
    }
    expect(failures).toBeGreaterThan(1);
    await ceremony(tpm, akAlgorithm);
  });

  it('a response that comes too late ends in a typed error, leaves no handle, and the next ceremony works', async () => {
    const before = await loaded();
    const impatient = await openTpm({ tcti: proxy.tcti, inProcess: true, deadlineMs: 500 });
    for (let nth = 3; nth <= commands; nth += 13) {
      proxy.arm(nth, { kind: 'delay', ms: 1_200 });
      const failed = await failureOf(impatient);
      // A quick ceremony keeps the storage key between its verbs and needs fewer commands than the one that was counted.
      if (failed === undefined) expect(proxy.commands(), `command ${nth}`).toBeLessThan(nth);
      else expect(failed, `command ${nth}`).toMatchObject({ code: 'tpm-timeout' });
      expect(await loaded(impatient), `after command ${nth}`).toEqual(before);
    }
    await impatient.close();
    await ceremony(tpm, akAlgorithm);
  });

  it('garbled responses end in a typed error or in proofs that do not verify, and leave no handle', async () => {
    const before = await loaded();
    for (let nth = 1; nth <= commands; nth += pace ** 2) {
      // Behind the header, from the response code on, and everything.
      for (const from of [10, 6, 0]) {
        proxy.arm(nth, { kind: 'garble', from });
        const failed = await failureOf();
        if (failed !== undefined) expect(isNativeError(failed), `command ${nth}, ${from}: ${failed}`).toBe(true);
        expect(await loaded(), `after command ${nth}, ${from}`).toEqual(before);
      }
    }
  });

  it.each([
    ['RETRY', 0x922],
    ['YIELDED', 0x908],
    ['TESTING', 0x90a],
    ['NV_RATE', 0x920],
  ])('sends again what the TPM did not take: %s', async (_, responseCode) => {
    proxy.arm(1, { kind: 'fail', responseCode, times: 4 });
    const { eks } = await createTpmAttestor(tpm).readEndorsement();
    expect(eks.length).toBeGreaterThan(0);
  });

  it('gives up on a TPM that stays busy, and says so', async () => {
    proxy.arm(1, { kind: 'fail', responseCode: 0x922, times: 100 });
    await expect(createTpmAttestor(tpm).readEndorsement()).rejects.toMatchObject({ code: 'tpm-busy' });
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
  });

  it('never sends again into a lockout', async () => {
    proxy.arm(1, { kind: 'fail', responseCode: 0x921, times: 100 });
    await expect(createTpmAttestor(tpm).readEndorsement()).rejects.toMatchObject({ code: 'tpm-locked-out' });
    expect(proxy.commands()).toBe(1);
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
  });

  it('names the code as tss2-rc does, and no identifier of the machine', async () => {
    proxy.arm(1, { kind: 'fail', responseCode: 0x1df });
    const error = await createTpmAttestor(tpm)
      .readEndorsement()
      .catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/0x1df, .*integrity/i);
    expect(String(error)).not.toMatch(/urn:ek|sha256:/);
  });
});
