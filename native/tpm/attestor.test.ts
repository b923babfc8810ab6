import { verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALG,
  bindingDigest,
  makeCredential,
  parsePublic,
  readAttestationKey,
  spkiOf,
  verifyAttestationKey,
  verifyCertify,
  verifyQuote,
} from '../../attestation/index.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../testing/tools.ts';
import { missingForBroker, serveOnUnixSocket, startBroker } from '../testing/transports.ts';
import { type AttestationKey, createTpmAttestor, type DeviceKey, type TpmAttestor } from './attestor.ts';
import { listLoaded } from './handles.ts';
import type { AkAlgorithm } from './keys.ts';
import { openTpm } from './open.ts';
import type { Tpm } from './tpm.ts';

const PCRS = [0, 1, 2, 3, 4, 5, 6, 7];
const challenge = new Uint8Array(32).fill(7);

describe.skipIf(!has('swtpm'))('the verbs on a software TPM (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-attestor-'));
    software = await startSoftwareTpm({ folder });
  });
  afterAll(async () => {
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Ways to one software TPM with certificates. Each answers its TCTI and what ends it. */
  const ways: Record<string, (place: string) => Promise<{ tcti: string; stop(): Promise<void> }>> = {
    'a TCP socket': async () => ({ tcti: software.tcti, stop: async () => undefined }),
    async 'a UNIX socket'(place) {
      await (await startSoftwareTpm({ folder: place })).stop();
      const { path, stop } = await serveOnUnixSocket(place);
      return { tcti: `swtpm:path=${path}`, stop };
    },
    async 'tpm2-abrmd'(place) {
      const behind = await startSoftwareTpm({ folder: place });
      try {
        const broker = await startBroker(place, behind.tcti);
        return { tcti: 'tabrmd:', stop: () => broker.stop().finally(behind.stop) };
      } catch (error) {
        await behind.stop();
        throw error;
      }
    },
  };
  type Case = { way: string; akAlgorithm: AkAlgorithm; inProcess: boolean; missing: string[] };
  const cases = Object.keys(ways).flatMap((way): Case[] => {
    const missing = way === 'tpm2-abrmd' ? missingForBroker() : [];
    return [
      { way, missing, akAlgorithm: 'ECC-P256', inProcess: true },
      { way, missing, akAlgorithm: 'RSA-2048', inProcess: true },
      { way, missing, akAlgorithm: 'ECC-P256', inProcess: false },
    ];
  });
  describe.each(cases)('$way', ({ way, akAlgorithm, inProcess, missing }) => {
    const needs = missing.length > 0 ? ` (needs ${missing.join(', ')})` : '';
    describe.skipIf(missing.length > 0)(`AK ${akAlgorithm}, in process: ${inProcess}${needs}`, () => {
      verbs(way, akAlgorithm, inProcess);
    });
  });

  const started = new Map<string, Promise<{ tcti: string; stop(): Promise<void> }>>();
  /** Each way is opened once, by the first suite that takes it. */
  const opened = (way: string) => {
    const open = started.get(way) ?? ways[way]?.(join(folder, way.replaceAll(' ', '-')));
    if (!open) throw new Error(`There is no way ${way}.`);
    started.set(way, open);
    return open;
  };
  afterAll(async () => {
    for (const way of started.values()) await way.then(({ stop }) => stop()).catch(() => undefined);
  });

  function verbs(way: string, akAlgorithm: AkAlgorithm, inProcess: boolean): void {
    let tpm: Tpm;
    let attestor: TpmAttestor;
    let ak: AttestationKey;
    let deviceKey: DeviceKey;
    const binding = {
      origin: 'https://inventory.example',
      challenge,
      grantThumbprint: 'A'.repeat(43),
      permanentIdentifier: '',
    };
    const names = () => ({ ...binding, akName: ak.name, deviceKeyName: deviceKey.name });

    beforeAll(async () => {
      tpm = await openTpm({ tcti: (await opened(way)).tcti, inProcess });
      // A broker could stand before this machine's own TPM, whose log would then be read; here it never does.
      attestor = createTpmAttestor(tpm, { akAlgorithm, eventLog: false });
      ak = await attestor.createAttestationKey();
      deviceKey = await attestor.createDeviceKey();
    });
    afterAll(() => attestor?.close());

    it('makes an attestation key that attests its own creation', () => {
      const verified = verifyAttestationKey({
        public: ak.public,
        creationData: ak.creationData,
        attest: ak.creationAttestation,
        signature: ak.creationSignature,
      });
      expect(verified.name).toEqual(ak.name);
    });

    it('activates a credential for every endorsement key it names, and leaves no handle', async () => {
      const before = await tpm.work((scope) => listLoaded((request) => scope.run(request)));
      const { eks } = await attestor.readEndorsement();
      expect(eks.map(({ algorithm }) => algorithm)).toEqual(['RSA-2048', 'ECC-P384']);
      for (const ek of eks) {
        const secret = crypto.getRandomValues(new Uint8Array(32));
        const made = makeCredential({ ekPublic: ek.publicKeySpki, akName: ak.name, secret });
        const activated = await attestor.activateCredential(
          ak.key,
          ek.permanentIdentifier,
          made.credentialBlob,
          made.encryptedSecret,
        );
        expect(activated).toEqual(secret);
      }
      expect(await tpm.work((scope) => listLoaded((request) => scope.run(request)))).toEqual(before);
    });

    it('refuses a credential for another attestation key by name, and flushes the session it opened', async () => {
      const { eks } = await attestor.readEndorsement();
      const before = await tpm.work((scope) => listLoaded((request) => scope.run(request)));
      const made = makeCredential({
        ekPublic: eks[0]?.publicKeySpki as Uint8Array,
        akName: deviceKey.name,
        secret: challenge,
      });
      await expect(
        attestor.activateCredential(
          ak.key,
          eks[0]?.permanentIdentifier ?? '',
          made.credentialBlob,
          made.encryptedSecret,
        ),
      ).rejects.toMatchObject({ code: 'credential-of-another-key' });
      expect(await tpm.work((scope) => listLoaded((request) => scope.run(request)))).toEqual(before);
    });

    it('certifies and quotes over the binding with both names', async () => {
      const certified = await attestor.certify(deviceKey.key, ak.key, binding);
      const subject = verifyCertify({
        ...certified,
        akPublic: ak.public,
        subjectPublic: deviceKey.public,
        extraData: bindingDigest('certify', names()),
      });
      expect(subject.spki).toEqual(deviceKey.spki);

      const quoted = await attestor.quote(ak.key, deviceKey.key, binding, { bank: 'sha256', pcrs: PCRS });
      expect(quoted.pcrValues.map(({ index }) => index)).toEqual(PCRS);
      verifyQuote({
        ...quoted,
        akPublic: readAttestationKey(ak.public),
        nonce: bindingDigest('quote', names()),
        selection: [{ hash: ALG.SHA256, pcrs: PCRS }],
        pcrs: [
          { hash: ALG.SHA256, values: quoted.pcrValues.map(({ index, value }) => ({ pcr: index, digest: value })) },
        ],
      });
    });

    it('signs a digest with the device key', async () => {
      const message = new TextEncoder().encode('a request');
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', message));
      const signature = await attestor.sign(deviceKey.key, digest);
      expect(signature).toHaveLength(64);
      const key = { key: Buffer.from(spkiOf(parsePublic(deviceKey.public))), format: 'der', type: 'spki' } as const;
      expect(verify('sha256', message, { ...key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    });
  }

  it('does many things at once, one after the other', async () => {
    const attestor = createTpmAttestor(await openTpm({ tcti: software.tcti, inProcess: true }));
    try {
      const keys = await Promise.all(Array.from({ length: 6 }, () => attestor.createDeviceKey()));
      expect(new Set(keys.map(({ spki }) => Buffer.from(spki).toString('hex'))).size).toBe(6);
    } finally {
      await attestor.close();
    }
  });

  it('says that keys belong to another TPM', async () => {
    const other = await startSoftwareTpm({ folder: join(folder, 'other'), certificate: false });
    const here = createTpmAttestor(await openTpm({ tcti: software.tcti, inProcess: true }));
    const there = createTpmAttestor(await openTpm({ tcti: other.tcti, inProcess: true }));
    try {
      const { key } = await there.createDeviceKey();
      await expect(here.sign(key, challenge)).rejects.toMatchObject({ code: 'key-of-another-tpm' });
      const damaged = { public: key.public, private: key.private.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) };
      await expect(there.sign(damaged, challenge)).rejects.toMatchObject({ code: 'key-of-another-tpm' });
      await expect(here.sign({ ...key, public: key.public.subarray(4) }, challenge)).rejects.toMatchObject({
        code: 'key-file-damaged',
      });
      const { eks } = await there.readEndorsement();
      expect(eks.map(({ certificate }) => certificate)).toEqual(eks.map(() => undefined));
      await expect(
        here.activateCredential(
          key,
          eks[0]?.permanentIdentifier ?? '',
          new Uint8Array([0, 1, 2]),
          new Uint8Array([0, 1, 2]),
        ),
      ).rejects.toMatchObject({ code: 'endorsement-key-unknown' });
    } finally {
      await here.close();
      await there.close();
      await other.stop();
    }
  });
});
