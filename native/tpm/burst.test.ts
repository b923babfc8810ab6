import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCredential, objectName, parseCreationData } from '../../attestation/index.ts';
import { EK_TEMPLATES, SRK_TEMPLATE } from '../../attestation/templates.ts';
import { HANDLE, TPM_CC } from '../../attestation/tpmConstants.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor, type TpmAttestor } from './attestor.ts';
import { createPrimary } from './commands.ts';
import { listLoaded } from './handles.ts';
import { openTpm } from './open.ts';
import { openSocketPipe } from './socketPipe.ts';
import { createTpm, type Tpm } from './tpm.ts';

const FIRST_OBJECT = 0x8000_0000;
const challenge = new Uint8Array(32).fill(3);
const codeOf = (command: Uint8Array) => Buffer.from(command).readUInt32BE(6);

/** The verbs of an enrolment share the storage key: what holds when it is taken from them. */
describe.skipIf(!has('swtpm'))('the storage key of a burst (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let tpm: Tpm;
  let attestor: TpmAttestor;
  /** Another program at the same TPM. */
  let other: Tpm;
  let codes: number[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-burst-'));
    software = await startSoftwareTpm({ folder });
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    codes = [];
    other = await openTpm({ tcti: software.tcti, inProcess: true });
  });
  afterEach(async () => {
    await attestor.close();
    expect(await loaded()).toEqual([]);
    await other.close();
  });

  const onExchange = (command: Uint8Array) => void codes.push(codeOf(command));
  const open = async () => {
    tpm = await openTpm({ tcti: software.tcti, inProcess: true, onExchange });
    attestor = createTpmAttestor(tpm);
  };
  /** Keeps so long that others get in between, as with a resource manager, which swtpm lacks. */
  const openKeeping = async () => {
    const pipe = await openSocketPipe({ host: '127.0.0.1', port: software.port });
    tpm = createTpm(pipe, { address: software.tcti, keepMs: 60_000, onExchange });
    attestor = createTpmAttestor(tpm);
  };
  const loaded = () => other.work((scope) => listLoaded((request) => scope.run(request)));
  const times = (code: number) => codes.filter((sent) => sent === code).length;
  const flush = (handle: number) =>
    other.work(async (scope) => {
      await scope.flush(handle);
    });
  const binding = {
    origin: 'https://x.example',
    challenge,
    grantThumbprint: 'A'.repeat(43),
    permanentIdentifier: 'urn:ek:sha256:x',
  };

  it('is made once for all verbs, and leaves with the last of them', async () => {
    await openKeeping();
    const ek = (await attestor.readEndorsement()).eks[0];
    const ak = await attestor.createAttestationKey();
    const made = makeCredential({ ekPublic: ek?.publicKeySpki as Uint8Array, akName: ak.name, secret: challenge });
    const secret = await attestor.activateCredential(
      ak.key,
      ek?.permanentIdentifier ?? '',
      made.credentialBlob,
      made.encryptedSecret,
    );
    expect(secret).toEqual(challenge);
    const device = await attestor.createDeviceKey();
    await attestor.certify(device.key, ak.key, binding);
    await attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0, 7] });
    expect(times(TPM_CC.CREATE_PRIMARY)).toBe(1);
    expect(await tpm.work((scope) => listLoaded((request) => scope.run(request)))).toEqual([]);
  });

  it('leaves by itself when nothing follows', async () => {
    await open();
    await attestor.createDeviceKey();
    await expect.poll(loaded, { timeout: 30_000 }).toEqual([]);
    expect(times(TPM_CC.FLUSH_CONTEXT)).toBe(1);
  });

  it('is made again where the TPM lost it in between', async () => {
    await openKeeping();
    const ak = await attestor.createAttestationKey();
    await flush(FIRST_OBJECT);
    const device = await attestor.createDeviceKey();
    await flush(FIRST_OBJECT);
    await attestor.certify(device.key, ak.key, binding);
  });

  it.each([
    ['a storage key of another hierarchy', HANDLE.ENDORSEMENT, SRK_TEMPLATE],
    ['an endorsement key', HANDLE.ENDORSEMENT, EK_TEMPLATES['L-2']],
  ])('no key is made under %s that has its handle since, and that object stays', async (_, hierarchy, template) => {
    await openKeeping();
    const ak = await attestor.createAttestationKey();
    const storageName = Buffer.from(parseCreationData(ak.creationData).parentName).toString('hex');
    await flush(FIRST_OBJECT);
    const verbs = async () => {
      const device = await attestor.createDeviceKey();
      await attestor.quote(ak.key, device.key, binding, { bank: 'sha256', pcrs: [0] });
      const again = await attestor.createAttestationKey();
      expect(Buffer.from(parseCreationData(again.creationData).parentName).toString('hex')).toBe(storageName);
    };
    await other.work(async (scope) => {
      const { handle, area } = await createPrimary(scope, hierarchy, template, 'taking the place');
      expect(handle).toBe(FIRST_OBJECT);
      expect(Buffer.from(objectName(area)).toString('hex')).not.toBe(storageName);
      await verbs();
      // The scope flushes it at its end, which fails where somebody else has.
      await scope.flush(handle);
    });
  });

  it('never stands in the way of another program, whose connection begins when it is gone', async () => {
    await open();
    await attestor.createDeviceKey();
    // These are all places that swtpm has.
    await other.work(async (scope) => {
      for (const id of ['L-2', 'H-2', 'H-3'] as const)
        await createPrimary(scope, HANDLE.ENDORSEMENT, EK_TEMPLATES[id], 'filling the TPM');
    });
    expect(times(TPM_CC.FLUSH_CONTEXT)).toBe(1);
  });
});
