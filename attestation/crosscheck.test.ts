import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALG,
  DEFAULT_PCR_SELECTION,
  digest,
  makeCredential,
  objectName,
  parseEventLog,
  parsePublic,
  replayEventLog,
  spkiOf,
  toHex,
  verifyAttestationKey,
  verifyCertify,
  verifyEndorsementKey,
  verifyQuote,
} from './index.ts';
import { sampleLog } from './testing/eventLogs.ts';
import { refusal } from './testing/refusal.ts';
import { has, hasSwtpm, type Swtpm, startSwtpm } from './testing/swtpm.ts';
import {
  type AkKind,
  type AkMaterial,
  activate,
  certify,
  createAk,
  createDeviceKey,
  createParent,
  quote,
  readEk,
  SWTPM_EKS,
  swtpmAuthority,
} from './testing/tpmMaterial.ts';

const SECRET = digest('sha256', new Uint8Array([1]));

describe.skipIf(!hasSwtpm())('one enrolment with a real TPM implementation (needs swtpm and tpm2-tools)', () => {
  let tpm: Swtpm;
  const aks: Partial<Record<AkKind, AkMaterial>> = {};
  const DEVICE = 0x81010040;
  let devicePublic: Uint8Array;
  const ak = (kind: AkKind): AkMaterial => aks[kind] ?? expect.fail(`no ${kind}`);

  beforeAll(async () => {
    tpm = await startSwtpm();
    await createParent(tpm);
    for (const [i, kind] of (['ecc-p256', 'rsa-2048'] as const).entries())
      aks[kind] = await createAk(tpm, kind, 0x81010020 + i);
    devicePublic = await createDeviceKey(tpm, 'ecc256:ecdsa-sha256:null', DEVICE);
  });
  afterAll(() => tpm?.stop());

  it.each([
    'ecc-p256',
    'rsa-2048',
  ] as const)('verifies key, certification and quote of a fresh %s attestation key', async (kind) => {
    const { handle, ...parameters } = ak(kind);
    const verified = verifyAttestationKey(parameters);
    const extraData = digest('sha256', new Uint8Array([2]));
    const made = await certify(tpm, DEVICE, handle, extraData);
    expect(verifyCertify({ ...made, akPublic: verified, subjectPublic: devicePublic, extraData }).name).toEqual(
      objectName(devicePublic),
    );
    const { pcrs, ...quoted } = await quote(tpm, handle, extraData);
    const checked = verifyQuote({
      ...quoted,
      akPublic: verified,
      nonce: extraData,
      selection: DEFAULT_PCR_SELECTION,
      pcrs,
    });
    expect(checked.attest.pcrDigest).toHaveLength(32);
  });

  it.each(Object.entries(SWTPM_EKS))('makes credentials that the TPM activates, for its %s EK', async (_, ek) => {
    const { public: ekPublic, certificate } = await readEk(tpm, ek);
    const { root, issuer } = swtpmAuthority(tpm);
    const roots = [{ certificate: root, vendor: 'Software TPM', class: 'software', source: 'demo' } as const];
    const spki = spkiOf(parsePublic(ekPublic));
    const verdict = verifyEndorsementKey(spki, [certificate], { roots, intermediates: [issuer], at: new Date() });
    expect([verdict.class, verdict.path.length]).toEqual(['software', 3]);
    const { handle, ...parameters } = ak('ecc-p256');
    const made = makeCredential({ ekPublic: spki, akName: verifyAttestationKey(parameters).name, secret: SECRET });
    expect(toHex(await activate(tpm, ek.handle, handle, made.credentialBlob, made.encryptedSecret))).toBe(
      toHex(SECRET),
    );
  });

  it('makes credentials with a seed of 16 bytes that the TPM activates too', async () => {
    const ek = SWTPM_EKS['rsa-2048'];
    const { public: ekPublic } = await readEk(tpm, ek);
    const random = (purpose: string, size: number) =>
      digest('sha256', new Uint8Array([size])).slice(0, purpose === 'seed' ? 16 : size);
    const made = makeCredential({ ekPublic, akName: objectName(ak('ecc-p256').public), secret: SECRET, random });
    expect(
      toHex(await activate(tpm, ek.handle, ak('ecc-p256').handle, made.credentialBlob, made.encryptedSecret)),
    ).toBe(toHex(SECRET));
  });

  it('makes credentials that no other attestation key can activate', async () => {
    const ek = SWTPM_EKS['rsa-2048'];
    const { public: ekPublic } = await readEk(tpm, ek);
    const made = makeCredential({ ekPublic, akName: objectName(ak('rsa-2048').public), secret: SECRET });
    await expect(
      activate(tpm, ek.handle, ak('ecc-p256').handle, made.credentialBlob, made.encryptedSecret),
    ).rejects.toThrow(/1DF|integrity/i);
  });

  it('makes credentials that another TPM cannot open: forged EK binding', async () => {
    const foreign = parsePublic((await readEk(tpm, SWTPM_EKS['rsa-2048'])).public);
    if (foreign.type !== 'rsa') throw new Error('not RSA');
    const modulus = foreign.modulus.map((byte, i) => (i === 100 ? byte ^ 4 : byte));
    const made = makeCredential({
      ekPublic: { ...foreign, modulus },
      akName: objectName(ak('ecc-p256').public),
      secret: SECRET,
    });
    await expect(
      activate(tpm, SWTPM_EKS['rsa-2048'].handle, ak('ecc-p256').handle, made.credentialBlob, made.encryptedSecret),
    ).rejects.toThrow();
  });

  it('agrees with tpm2_makecredential: the TPM opens both', async () => {
    const { public: ekPublic } = await readEk(tpm, SWTPM_EKS['rsa-2048']);
    tpm.write('secret.in', SECRET);
    const name = toHex(objectName(ak('ecc-p256').public));
    await tpm.tool(
      'tpm2_makecredential',
      '-T',
      'none',
      '-u',
      'ek.pub',
      '-s',
      'secret.in',
      '-n',
      name,
      '-o',
      'theirs.bin',
    );
    const theirs = tpm.read('theirs.bin');
    const ours = makeCredential({ ekPublic, akName: objectName(ak('ecc-p256').public), secret: SECRET });
    const size = 8 + ours.credentialBlob.length + ours.encryptedSecret.length;
    expect(theirs.length).toBe(size);
    const opened = await activate(
      tpm,
      SWTPM_EKS['rsa-2048'].handle,
      ak('ecc-p256').handle,
      theirs.slice(8, 8 + ours.credentialBlob.length),
      theirs.slice(8 + ours.credentialBlob.length),
    );
    expect(toHex(opened)).toBe(toHex(SECRET));
  });

  it.each([
    'ecc-p256',
    'rsa-2048',
  ] as const)('agrees with tpm2_checkquote on good and bad quotes (%s)', async (kind) => {
    const { handle, public: akPublic } = ak(kind);
    const nonce = digest('sha256', new Uint8Array([3]));
    const files = ['-m', 'q.msg', '-s', 'q.sig', '-o', 'q.pcrs', '-g', 'sha256'];
    await tpm.tool(
      'tpm2_quote',
      '-c',
      `0x${handle.toString(16)}`,
      '-l',
      'sha256:0,1,2,3,4,5,6,7',
      '-q',
      toHex(nonce),
      ...files,
    );
    await tpm.tool('tpm2_readpublic', '-c', `0x${handle.toString(16)}`, '-f', 'pem', '-o', 'ak.pem');
    const theirs = async (challenge: Uint8Array) => {
      const check = [
        '-u',
        'ak.pem',
        '-m',
        'q.msg',
        '-s',
        'q.sig',
        '-f',
        'q.pcrs',
        '-g',
        'sha256',
        '-q',
        toHex(challenge),
      ];
      return tpm.tool('tpm2_checkquote', ...check).then(
        () => true,
        () => false,
      );
    };
    const values = (await quote(tpm, handle, nonce)).pcrs;
    const parameters = {
      akPublic,
      attest: tpm.read('q.msg'),
      signature: tpm.read('q.sig'),
      selection: DEFAULT_PCR_SELECTION,
      pcrs: values,
    };
    expect(verifyQuote({ ...parameters, nonce }).attest.type).toBe('quote');
    expect(await theirs(nonce)).toBe(true);
    expect(refusal(() => verifyQuote({ ...parameters, nonce: SECRET }))).toBe('wrong-extra-data');
    expect(await theirs(SECRET)).toBe(false);
    const changed = parameters.attest.map((byte, i) => (i === 60 ? byte ^ 1 : byte));
    tpm.write('q.msg', changed);
    expect(refusal(() => verifyQuote({ ...parameters, attest: changed, nonce }))).toMatch(
      /bad-signature|wrong|malformed/,
    );
    expect(await theirs(nonce)).toBe(false);
  });

  it('is refused by the TPM what it would have to refuse: a restricted key signs no foreign structure', async () => {
    tpm.write('forged.bin', digest('sha256', new Uint8Array([0xff, 0x54, 0x43, 0x47])));
    const signing = [
      '-c',
      `0x${ak('ecc-p256').handle.toString(16)}`,
      '-g',
      'sha256',
      '-d',
      '-o',
      'forged.sig',
      'forged.bin',
    ];
    await expect(tpm.tool('tpm2_sign', ...signing)).rejects.toThrow(/3e0|ticket/i);
  });
});

describe.skipIf(!has('tpm2_eventlog') || !hasSwtpm())('event logs (needs tpm2-tools)', () => {
  it('replay to what tpm2_eventlog computes', async () => {
    const tpm = await startSwtpm();
    try {
      const log = sampleLog();
      tpm.write('log.bin', log);
      const text = await tpm.tool('tpm2_eventlog', 'log.bin');
      const section = text.slice(text.indexOf('pcrs:'));
      const sha256 = section.slice(
        section.indexOf('sha256:'),
        section.indexOf('sha384:') > 0 ? section.indexOf('sha384:') : undefined,
      );
      const theirs = new Map(
        [...sha256.matchAll(/^\s+(\d+)\s*:\s*0x([0-9a-f]{64})/gm)].map(([, pcr, value]) => [Number(pcr), value]),
      );
      expect(theirs.size).toBe(8);
      for (const [pcr, value] of replayEventLog(parseEventLog(log), ALG.SHA256))
        expect(toHex(value)).toBe(theirs.get(pcr));
    } finally {
      await tpm.stop();
    }
  });
});
