import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCredential } from '../../attestation/index.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { type BlankTpm, type Maker, startBlankTpm } from '../testing/blankTpm.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from './attestor.ts';
import { listLoaded } from './handles.ts';
import { describeManufacturer, readTpmInfo } from './info.ts';
import type { Tpm } from './tpm.ts';

describe('makers of TPMs', () => {
  it.each([
    [0x494e5443, '494E5443', 'INTC', 'Intel'],
    [0x49465800, '49465800', 'IFX ', 'Infineon'],
    [0x00000001, '00000001', '    ', ''],
  ])('%i is shown as its registry has it', (code, hex, ascii, name) => {
    expect(describeManufacturer(code)).toEqual({ code, hex, ascii, name });
  });
});

const missing = ['swtpm', 'tpm2_changeauth'].filter((program) => !has(program));
describe.skipIf(missing.length > 0)('a TPM that other software manages (needs swtpm, tpm2-tools)', () => {
  let blank: BlankTpm;
  let maker: Maker;
  let tpm: Tpm;

  beforeAll(async () => {
    blank = await startBlankTpm(startSoftwareTpm);
    ({ maker, tpm } = blank);
  });
  afterAll(() => blank?.stop());

  const FREE = { ownerAuthSet: false, endorsementAuthSet: false, lockoutAuthSet: false, inLockout: false };
  const proof = async () => {
    const attestor = createTpmAttestor(tpm);
    const { eks } = await attestor.readEndorsement();
    const ak = await attestor.createAttestationKey();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const ekPublic = eks[0]?.publicKeySpki ?? new Uint8Array(0);
    const { credentialBlob, encryptedSecret } = makeCredential({ ekPublic, akName: ak.name, secret });
    const urn = eks[0]?.permanentIdentifier ?? '';
    expect(await attestor.activateCredential(ak.key, urn, credentialBlob, encryptedSecret)).toEqual(secret);
    const { key } = await attestor.createDeviceKey();
    expect(await attestor.sign(key, secret)).toHaveLength(64);
  };
  const loaded = () => tpm.work((scope) => listLoaded((request) => scope.run(request)));

  it('says of a new one that nobody has set anything', async () => {
    expect(await readTpmInfo(tpm)).toMatchObject({ ...FREE, manufacturer: { name: 'IBM' } });
    await proof();
  });

  it.each([
    ['e', { endorsementAuthSet: true }],
    ['o', { ownerAuthSet: true }],
  ])('says that hierarchy %s has an authorization, and a proof ends by saying so', async (hierarchy, set) => {
    await maker.tool('tpm2_changeauth', '-c', hierarchy, 'managed');
    try {
      expect(await readTpmInfo(tpm)).toMatchObject({ ...FREE, ...set });
      await expect(proof()).rejects.toMatchObject({
        code: 'tpm-auth-required',
        advice: expect.stringContaining('administrator'),
      });
      expect(await loaded()).toEqual([]);
    } finally {
      await maker.tool('tpm2_changeauth', '-c', hierarchy, '-p', 'managed');
    }
    await proof();
  });

  it('says that it is locked out, and a proof goes on: no key of an enrolment counts towards a lockout', async () => {
    await maker.tool('tpm2_dictionarylockout', '-s', '-n', '1', '-t', '100000', '-l', '100000');
    const index = '0x01500001';
    await maker.tool('tpm2_nvdefine', '-Q', '-C', 'o', '-s', '8', '-p', 'right', '-a', 'authread|authwrite', index);
    await expect(maker.tool('tpm2_nvread', '-Q', '-C', index, '-P', 'wrong', index)).rejects.toThrow();
    expect(await readTpmInfo(tpm)).toMatchObject({ ...FREE, inLockout: true });
    await proof();
    await maker.tool('tpm2_dictionarylockout', '-c');
    expect(await readTpmInfo(tpm)).toMatchObject(FREE);
  });
});
