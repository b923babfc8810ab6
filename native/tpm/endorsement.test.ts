import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  EK_TEMPLATES,
  ekUri,
  encodePublic,
  makeCredential,
  NV,
  type PublicArea,
  spkiOf,
} from '../../attestation/index.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { type BlankTpm, type Maker, startBlankTpm } from '../testing/blankTpm.ts';
import { has } from '../testing/tools.ts';
import { createTpmAttestor } from './attestor.ts';
import { createPrimary } from './commands.ts';
import { type EkSearch, findEndorsement } from './endorsement.ts';
import { listLoaded } from './handles.ts';
import type { Tpm } from './tpm.ts';

const ENDORSEMENT = 0x4000000b;
const missing = ['swtpm', 'tpm2_nvdefine', 'openssl'].filter((program) => !has(program));

describe.skipIf(missing.length > 0)('endorsement keys as makers leave them (needs swtpm, tpm2-tools, openssl)', () => {
  let blank: BlankTpm;
  let maker: Maker;
  let tpm: Tpm;
  let written: number[] = [];

  beforeAll(async () => {
    blank = await startBlankTpm(startSoftwareTpm);
    ({ maker, tpm } = blank);
  });
  afterAll(() => blank?.stop());
  afterEach(async () => {
    await maker.erase(...written);
    written = [];
  });

  const write = async (index: number, content: Uint8Array) => {
    await maker.write(index, content);
    written.push(index);
  };
  const find = (search: EkSearch = 'present') => tpm.work((scope) => findEndorsement(scope, search));
  const made = async (template: PublicArea): Promise<Uint8Array> =>
    tpm.work(async (scope) => spkiOf((await createPrimary(scope, ENDORSEMENT, encodePublic(template), 'test')).area));
  const foreign = () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  };

  it('is made by the standard template where the maker left nothing, as tpm2-tools make it', async () => {
    const { eks, chain } = await find();
    expect(eks.map(({ algorithm, certificate, spki }) => [algorithm, certificate, spki])).toEqual([
      ['RSA-2048', undefined, await maker.ek('rsa')],
    ]);
    expect(eks[0]?.certificateMismatch).toBeUndefined();
    expect(chain).toEqual([]);
    expect((await find('preferred')).eks).toEqual(eks);
  });

  const high = [
    ['H-1', NV.EK_H1_CERTIFICATE, 'RSA-2048'],
    ['H-2', NV.EK_H2_CERTIFICATE, 'ECC-P256'],
    ['H-3', NV.EK_H3_CERTIFICATE, 'ECC-P384'],
    ['H-4', NV.EK_H4_CERTIFICATE, 'ECC-P521'],
    // RSA-4096 (H-7) is the same with another number; swtpm makes no such keys.
    ['H-6', NV.EK_H6_CERTIFICATE, 'RSA-3072'],
  ] as const;
  describe.each(high)('of the high range: %s', (id, index, algorithm) => {
    it.each([
      'as the profile has it',
      'filled with zeros',
    ])('is found by its certificate, "unique" %s, and activates', async (filling) => {
      const template: PublicArea = EK_TEMPLATES[id];
      const sizes: Record<string, number> = { 'ECC-P256': 32, 'ECC-P384': 48, 'ECC-P521': 66, 'RSA-3072': 384 };
      const size = sizes[algorithm] ?? 256;
      const zeros = new Uint8Array(size);
      const used =
        filling === 'filled with zeros'
          ? template.type === 'rsa'
            ? { ...template, modulus: zeros }
            : { ...template, x: zeros, y: zeros }
          : template;
      const spki = await made(used);
      const certificate = await maker.certificate(spki);
      await write(index, certificate);
      const attestor = createTpmAttestor(tpm);
      const { eks } = await attestor.readEndorsement();
      const ek = eks.find((found) => found.algorithm === algorithm && found.certificate !== undefined);
      expect(ek).toMatchObject({ permanentIdentifier: ekUri(spki), certificate });
      const ak = await attestor.createAttestationKey();
      const secret = crypto.getRandomValues(new Uint8Array(32));
      const { credentialBlob, encryptedSecret } = makeCredential({ ekPublic: spki, akName: ak.name, secret });
      expect(await attestor.activateCredential(ak.key, ekUri(spki), credentialBlob, encryptedSecret)).toEqual(secret);
      expect(await tpm.work((scope) => listLoaded((request) => scope.run(request)))).toEqual([]);
    });
  });

  it.each([
    ['rsa', NV.EK_RSA_NONCE, NV.EK_RSA_TEMPLATE, 'L-1', 'RSA-2048'],
    ['ecc', NV.EK_ECC_NONCE, NV.EK_ECC_TEMPLATE, 'L-2', 'ECC-P256'],
  ] as const)(
    'honours nonce and template of NV (%s)',
    async (name, nonceIndex, templateIndex, id, algorithm) => {
      const standard = await maker.ek(name);
      const keyOf = async () => (await find('all')).eks.find((ek) => ek.algorithm === algorithm)?.spki;
      expect(await keyOf()).toEqual(standard);
      const nonce = new Uint8Array(id === 'L-1' ? 256 : 32).map((_, at) => at + 1);
      await write(nonceIndex, nonce);
      const withNonce = await keyOf();
      expect(withNonce).not.toEqual(standard);
      expect(withNonce).toEqual(await maker.ekWith(name, nonce));
      await write(templateIndex, encodePublic(EK_TEMPLATES[id]));
      expect(await keyOf()).toEqual(withNonce);
    },
    120_000,
  );

  it('honours a template of the maker’s own, alone and where a certificate names its key', async () => {
    const own = { ...EK_TEMPLATES['L-1'], modulus: new Uint8Array(256).fill(0x11) };
    await write(NV.EK_RSA_TEMPLATE, encodePublic(own));
    const spki = await maker.ekWith('rsa', own.modulus);
    expect((await find()).eks).toMatchObject([{ algorithm: 'RSA-2048', spki }]);
    const certificate = await maker.certificate(spki);
    await write(NV.EK_RSA_CERTIFICATE, certificate);
    expect((await find()).eks).toMatchObject([{ spki, certificate }]);
  });

  it('takes the key that the certificate names, not the one of a template that says otherwise', async () => {
    await write(NV.EK_RSA_TEMPLATE, encodePublic({ ...EK_TEMPLATES['L-1'], modulus: new Uint8Array(256).fill(0x22) }));
    const spki = await maker.ek('rsa');
    await write(NV.EK_RSA_CERTIFICATE, await maker.certificate(spki));
    expect((await find()).eks[0]).toMatchObject({ spki, certificate: expect.anything() });
  });

  it('explains a certificate that belongs to another key, and keeps it out', async () => {
    const stranger = foreign();
    await write(NV.EK_RSA_CERTIFICATE, await maker.certificate(stranger));
    const [ek] = (await find()).eks;
    expect(ek).toMatchObject({
      spki: await maker.ek('rsa'),
      certificateMismatch: expect.stringContaining(ekUri(stranger)),
    });
    expect(ek).not.toHaveProperty('certificate');
    expect(ek?.certificateMismatch).toMatch(/firmware/);
  });

  it.each(['made anew', 'persistent'])('explains a certificate that cannot be read (the key is %s)', async (held) => {
    if (held === 'persistent') await maker.ek('rsa', 0x81010001);
    try {
      await write(NV.EK_RSA_CERTIFICATE, new Uint8Array([0x30, 0x82, 1, 0, ...new Uint8Array(256)]));
      const [ek] = (await find()).eks;
      expect(ek).toMatchObject({
        algorithm: 'RSA-2048',
        certificateMismatch: expect.stringContaining('cannot be read'),
      });
      expect(ek).not.toHaveProperty('certificate');
    } finally {
      if (held === 'persistent') await maker.evict(0x81010001);
    }
  });

  it('uses the key at a persistent handle, at whichever of the range it lies, and passes over others there', async () => {
    await maker.persistSigningKey(0x81010001);
    const spki = await maker.ek('rsa', 0x81010003);
    try {
      await write(NV.EK_RSA_CERTIFICATE, await maker.certificate(spki));
      const { eks } = await find();
      expect(eks).toMatchObject([{ spki, origin: { persistent: 0x81010003 }, certificate: expect.anything() }]);
    } finally {
      await maker.evict(0x81010001);
      await maker.evict(0x81010003);
    }
  });

  it('does not take a persistent key for the one of a nonce', async () => {
    await maker.ek('ecc', 0x81010002);
    try {
      await write(NV.EK_ECC_NONCE, new Uint8Array(32).fill(5));
      const ecc = (await find('all')).eks.filter((ek) => ek.algorithm === 'ECC-P256');
      // The one of the nonce, the one that lies in the TPM, and the one of the high range.
      expect(ecc.map(({ origin }) => 'persistent' in origin)).toEqual([false, false, true]);
    } finally {
      await maker.evict(0x81010002);
    }
  });

  it('gives the chain that the maker split over indices', async () => {
    const certificates = [await maker.certificate(foreign()), await maker.certificate(foreign())];
    const whole = Buffer.concat(certificates);
    await write(NV.EK_CHAIN_FIRST, whole.subarray(0, 700));
    await write(NV.EK_CHAIN_FIRST + 1, new Uint8Array(Buffer.concat([whole.subarray(700), Buffer.alloc(40, 0xff)])));
    expect((await find()).chain).toEqual(certificates);
  });

  it('is none on a TPM whose endorsement hierarchy is turned off', async () => {
    // HierarchyControl(platform, enable = endorsement, no), and a restart turns it on again.
    const parameters = new Uint8Array([0x40, 0, 0, 0x0b, 0]);
    await tpm.work((scope) =>
      scope.run({ code: 0x121, handles: [0x4000000c], auths: ['empty-password'], parameters, doing: 'turning off' }),
    );
    const error = await find().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'NativeError', code: 'tpm-disabled' });
  });
});
