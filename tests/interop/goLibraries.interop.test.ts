import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALG,
  bindingDigest,
  concat,
  EK_TEMPLATES,
  encodePublic,
  makeCredential,
  objectName,
  type PublicArea,
  parseEventLog,
  parsePublic,
  type RandomPurpose,
  readAttestationKey,
  replayEventLog,
  spkiOf,
  verifyAttestationKey,
  verifyCertify,
  verifyEventLog,
  verifyQuote,
} from '../../attestation/index.ts';
import { sampleLog } from '../../attestation/testing/eventLogs.ts';
import { startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { createTpmAttestor, openTpm } from '../../native/index.ts';
import { has } from '../../native/testing/tools.ts';
import { base64, bytes, createJudge } from './judge.ts';
import { type SocketTpm, startSocketTpm } from './socketTpm.ts';
import { findTool, goAttestationFolder } from './tools.ts';

const program = findTool('judge');
const judge = createJudge(program ?? '');
const hasTpm = has('swtpm') && has('swtpm_setup') && process.platform !== 'win32';
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-judge-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Credential = { credentialBlob: string; encryptedSecret: string; refused?: string };
type Judged = { refused?: string };
/** The same bytes but for one bit in the last. */
const spoilt = (value: Uint8Array) => Uint8Array.from(value, (byte, at) => (at === value.length - 1 ? byte ^ 1 : byte));

describe.skipIf(!program)('go-tpm makes the same credentials, byte for byte (needs Go and its module proxy)', () => {
  const FILL = 0x5a;
  /** Every random byte is FILL; Go changes the second byte of a scalar so that none is zero (crypto/ecdh, GenerateKey). */
  const random = (seedSize?: number) => (purpose: RandomPurpose, size: number) => {
    const made = new Uint8Array(purpose === 'seed' ? (seedSize ?? size) : size).fill(FILL);
    if (purpose === 'ephemeral') made[1] = FILL ^ 0x42;
    return made;
  };
  const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey;
  const ecc = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;
  const field = (key: KeyObject, name: 'n' | 'x' | 'y') =>
    new Uint8Array(Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url'));
  const secret = new Uint8Array(randomBytes(32));
  const akName = concat(new Uint8Array([0, ALG.SHA256]), new Uint8Array(randomBytes(32)));

  const cases: [string, PublicArea][] = [
    ['RSA-2048', { ...EK_TEMPLATES['L-1'], modulus: field(rsa(2048), 'n') }],
    ['RSA-3072', { ...EK_TEMPLATES['H-6'], modulus: field(rsa(3072), 'n') }],
    ['RSA-4096', { ...EK_TEMPLATES['H-7'], modulus: field(rsa(4096), 'n') }],
    ...(['L-2', 'H-2', 'H-3'] as const).map((id): [string, PublicArea] => {
      const key = ecc(id === 'H-3' ? 'P-384' : 'P-256');
      return [`ECC ${id}`, { ...EK_TEMPLATES[id], x: field(key, 'x'), y: field(key, 'y') }];
    }),
  ];

  it.each(cases)('for an endorsement key %s: tpm2.CreateCredential', async (_, area) => {
    const ekPublic = encodePublic(area);
    const theirs = await judge<Credential>('make-credential', {
      ...{ implementation: 'tpm2', ekPublic, akName, secret, fill: FILL },
    });
    const ours = makeCredential({ ekPublic, akName, secret, random: random() });
    expect(base64(ours.credentialBlob)).toBe(theirs.credentialBlob);
    expect(base64(ours.encryptedSecret)).toBe(theirs.encryptedSecret);
    // From the bare key, as a server sees it, the name algorithm follows the profile: the same bytes.
    const bare = makeCredential({ ekPublic: spkiOf(area), akName, secret, random: random() });
    expect(bare).toEqual(ours);
  });

  it.each(
    cases.filter(([name]) => name === 'RSA-2048' || name === 'ECC L-2'),
  )('for an endorsement key %s: credactivation, of go-attestation and Smallstep', async (_, area) => {
    const theirs = await judge<Credential>('make-credential', {
      ...{ implementation: 'credactivation', ekSpki: spkiOf(area), akName, secret, fill: FILL },
    });
    const ours = makeCredential({ ekPublic: spkiOf(area), akName, secret, random: random(16) });
    expect(base64(ours.credentialBlob)).toBe(theirs.credentialBlob);
    expect(base64(ours.encryptedSecret)).toBe(theirs.encryptedSecret);
  });
});

describe.skipIf(!program || !hasTpm)(
  'go-attestation judges Muster’s proofs (needs Go, its module proxy and swtpm)',
  () => {
    it.each([
      'ECC-P256',
      'RSA-2048',
    ] as const)('of an attestation key %s: creation, certification, quote', async (akAlgorithm) => {
      const software = await startSoftwareTpm({ folder: join(folder, `muster-${akAlgorithm}`) });
      try {
        const tpm = await openTpm({ tcti: software.tcti, inProcess: true });
        const attestor = createTpmAttestor(tpm, { akAlgorithm });
        try {
          const ak = await attestor.createAttestationKey();
          const { public: akPublic, creationData, creationAttestation: attest, creationSignature: signature } = ak;
          const created = { public: akPublic, creationData, attest, signature };
          expect(await judge('check-ak', created)).toEqual({});
          expect((await judge<Judged>('check-ak', { ...created, attest: spoilt(attest) })).refused).toBeTruthy();

          const deviceKey = await attestor.createDeviceKey();
          const binding = {
            origin: 'https://inventory.example',
            challenge: new Uint8Array(32).fill(7),
            grantThumbprint: 'A'.repeat(43),
            permanentIdentifier: 'urn:ek:sha256:x',
          };
          const certified = await attestor.certify(deviceKey.key, ak.key, binding);
          const request = { ...certified, subjectPublic: deviceKey.public };
          const akSpki = readAttestationKey(akPublic).spki;
          expect(await judge('verify-certify', { ...request, akSpki })).toEqual({});
          const forged = { ...request, akSpki, attest: spoilt(certified.attest) };
          expect((await judge<Judged>('verify-certify', forged)).refused).toBeTruthy();

          const quoted = await attestor.quote(ak.key, deviceKey.key, binding, { bank: 'sha256', pcrs: PCRS });
          const names = { ...binding, akName: ak.name, deviceKeyName: deviceKey.name };
          const quote = {
            ...{ akPublic, attest: quoted.attest, signature: quoted.signature },
            nonce: bindingDigest('quote', names),
            pcrs: quoted.pcrValues.map(({ index, value }) => ({ index, digest: value })),
          };
          expect(await judge('verify-quote', quote)).toEqual({});
          const stale = { ...quote, nonce: bindingDigest('certify', names) };
          expect((await judge<Judged>('verify-quote', stale)).refused).toBeTruthy();
        } finally {
          await attestor.close();
        }
      } finally {
        await software.stop();
      }
    });
  },
);

type Made = {
  wrapped: string;
  ak: { public: string; creationData: string; attest: string; signature: string };
  certify: { subjectPublic: string; attest: string; signature: string };
  quote: { attest: string; signature: string };
  pcrs: { index: number; digest: string }[];
};

describe.skipIf(!program || !hasTpm)(
  'Muster judges go-attestation’s proofs (needs Go, its module proxy and swtpm)',
  () => {
    let tpm: SocketTpm;
    beforeAll(async () => {
      tpm = await startSocketTpm(join(folder, 'go-attestation'));
    });
    afterAll(() => tpm?.stop());

    it.each(['RSA', 'ECDSA'])('of an attestation key %s, which then activates what Muster made', async (algorithm) => {
      const nonce = new Uint8Array(randomBytes(32));
      const made = await judge<Made>('make-ak', { device: tpm.device, algorithm, nonce, pcrs: PCRS });
      const ak = verifyAttestationKey({
        public: bytes(made.ak.public),
        creationData: bytes(made.ak.creationData),
        attest: bytes(made.ak.attest),
        signature: bytes(made.ak.signature),
      });
      const certify = {
        akPublic: ak,
        attest: bytes(made.certify.attest),
        signature: bytes(made.certify.signature),
        subjectPublic: bytes(made.certify.subjectPublic),
      };
      const certified = verifyCertify({ ...certify, extraData: nonce });
      expect(certified.name).toEqual(objectName(parsePublic(bytes(made.certify.subjectPublic))));
      const quote = {
        akPublic: ak,
        attest: bytes(made.quote.attest),
        signature: bytes(made.quote.signature),
        selection: [{ hash: ALG.SHA256, pcrs: PCRS }],
        pcrs: [
          { hash: ALG.SHA256, values: made.pcrs.map(({ index, digest }) => ({ pcr: index, digest: bytes(digest) })) },
        ],
      };
      verifyQuote({ ...quote, nonce });
      const other = new Uint8Array(32);
      expect(() => verifyCertify({ ...certify, extraData: other })).toThrow(/nonce|data|challenge/i);
      expect(() => verifyQuote({ ...quote, nonce: other })).toThrow(/nonce|data|challenge/i);

      const secret = new Uint8Array(randomBytes(32));
      const ekPublic = tpm.endorsement.eks[0]?.publicKeySpki ?? new Uint8Array();
      const activate = async (akName: Uint8Array) =>
        judge<{ secret?: string; refused?: string }>('activate', {
          ...{ device: tpm.device, wrapped: made.wrapped },
          ...makeCredential({ ekPublic, akName, secret }),
        });
      expect(await activate(ak.name)).toEqual({ secret: base64(secret) });
      expect((await activate(certified.name)).refused).toBeTruthy();
    });
  },
);

describe.skipIf(!program)(
  'go-attestation and Muster read the same from event logs (needs Go and its module proxy)',
  () => {
    type LogAnswer = {
      refused?: string;
      events: number;
      secureBootEnabled: boolean | null;
      secureBootRefused?: string;
    };
    /** Values that the log itself leads to: both libraries then believe all of it. */
    async function compare(log: Uint8Array): Promise<{ theirs: LogAnswer; ours: ReturnType<typeof verifyEventLog> }> {
      const replayed = [...replayEventLog(parseEventLog(log), ALG.SHA256)].filter(([pcr]) => pcr < 24);
      const values = replayed.map(([pcr, digest]) => ({ pcr, digest }));
      const theirs = await judge<LogAnswer>('event-log', {
        log,
        pcrs: values.map(({ pcr, digest }) => ({ index: pcr, digest })),
      });
      return { theirs, ours: verifyEventLog(log, [{ hash: ALG.SHA256, values }]) };
    }

    const testData = async (name: string) =>
      new Uint8Array(await readFile(join(goAttestationFolder(), 'attest/testdata', name)));

    it('the events of a machine with Secure Boot, in short', async () => {
      const { theirs, ours } = await compare(sampleLog());
      expect(theirs.refused).toBeUndefined();
      expect(theirs.events).toBe(ours.log.events.length);
    });

    it.each([
      ['sb_cert_eventlog', 'enabled'],
      ['coreos_36_shielded_vm_no_secure_boot_eventlog', 'disabled'],
      ['ubuntu_2104_shielded_vm_no_secure_boot_eventlog', 'disabled'],
    ] as const)('the Secure Boot state of machines in the field: %s', async (name, secureBoot) => {
      const { theirs, ours } = await compare(await testData(name));
      expect(theirs.secureBootEnabled).toBe(secureBoot === 'enabled');
      expect(ours.secureBoot).toBe(secureBoot);
    });

    it('but for a firmware that measures an absent SecureBoot variable: go-attestation errs, Muster says disabled', async () => {
      const { theirs, ours } = await compare(await testData('crypto_agile_eventlog'));
      expect(theirs.secureBootRefused).toMatch(/data len is 0/);
      expect(ours.secureBoot).toBe('disabled');
    });

    it.each([
      'option_rom_eventlog',
      'ebs_event_missing_eventlog',
    ])('and for logs of SHA-1 alone, which Muster refuses: %s', async (name) => {
      const log = await testData(name);
      expect(() => parseEventLog(log)).toThrow(/no crypto-agile event log/);
    });
  },
);
