import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCredential } from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { isNativeError } from '../errors.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../testing/faultyProxy.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor, type TpmAttestor } from './attestor.ts';
import { listLoaded } from './handles.ts';
import { openTpm } from './open.ts';
import type { Tpm } from './tpm.ts';

const challenge = new Uint8Array(32).fill(9);

/** Every verb once, in the order of an enrolment. */
async function ceremony(attestor: TpmAttestor): Promise<void> {
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

describe.skipIf(!has('swtpm'))('faults between Muster and the TPM (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let proxy: FaultyProxy;
  let tpm: Tpm;
  let commands: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-faults-'));
    software = await startSoftwareTpm({ folder });
    proxy = await startFaultyProxy(software.port);
    const counting = await openTpm({ tcti: proxy.tcti, inProcess: true });
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    await ceremony(createTpmAttestor(counting));
    commands = proxy.commands();
    await counting.close();
  });
  afterAll(async () => {
    await proxy?.stop();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    tpm = await openTpm({ tcti: proxy.tcti, inProcess: true, deadlineMs: 400 });
  });
  afterEach(() => tpm.close());

  const loaded = () => {
    // A fault that the ceremony did not reach must not hit the look at what it left.
    proxy.arm(Number.POSITIVE_INFINITY, { kind: 'drop' });
    return tpm.work((scope) => listLoaded((request) => scope.run(request)));
  };

  const faults: [string, Fault, RegExp][] = [
    ['a response that comes too late', { kind: 'delay', ms: 900 }, /^tpm-timeout$/],
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
    // Every seventh command, so that each kind of command is hit by one fault or another and the suite stays quick.
    const step = fault.kind === 'delay' ? 13 : 7;
    for (let nth = 1 + (faults.findIndex(([, item]) => item === fault) % step); nth <= commands; nth += step) {
      proxy.arm(nth, fault);
      const failed = await ceremony(createTpmAttestor(tpm)).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed !== undefined) {
        failures += 1;
        expect(isNativeError(failed), `command ${nth}: ${failed}`).toBe(true);
        expect((failed as { code: string }).code, `command ${nth}`).toMatch(code);
      }
      expect(await loaded(), `after command ${nth}`).toEqual(before);
    }
    expect(failures).toBeGreaterThan(2);
    proxy.arm(Number.POSITIVE_INFINITY, fault);
    await ceremony(createTpmAttestor(tpm));
  });

  it('garbled responses end in a typed error or in proofs that do not verify, and leave no handle', async () => {
    const before = await loaded();
    for (let nth = 2; nth <= commands; nth += 4) {
      proxy.arm(nth, { kind: 'garble' });
      const failed = await ceremony(createTpmAttestor(tpm)).catch((error: unknown) => error);
      if (failed !== undefined) expect(isNativeError(failed), `command ${nth}: ${failed}`).toBe(true);
      expect(await loaded(), `after command ${nth}`).toEqual(before);
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
