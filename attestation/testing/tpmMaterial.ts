import {
  ALG,
  concat,
  createReader,
  createWriter,
  DEFAULT_PCR_SELECTION,
  encodePcrSelections,
  type PcrBank,
  type PcrSelection,
  parsePublic,
} from '../index.ts';
import { type Swtpm, submit } from './swtpm.ts';

/** What a client would send about one attestation key, made by a real TPM implementation. All without TPM2B sizes. */
export type AkMaterial = {
  handle: number;
  public: Uint8Array;
  creationData: Uint8Array;
  attest: Uint8Array;
  signature: Uint8Array;
};
export type QuoteMaterial = { attest: Uint8Array; signature: Uint8Array; pcrs: PcrBank[] };

/** tpm2-tools' name of a key, and the scheme that certifycreation wants. */
export const AK_KINDS = {
  'ecc-p256': { key: 'ecc256:ecdsa-sha256:null', hash: 'sha256', scheme: 'ecdsa', name: 'sha256' },
  'ecc-p384': { key: 'ecc384:ecdsa-sha384:null', hash: 'sha384', scheme: 'ecdsa', name: 'sha384' },
  'rsa-2048': { key: 'rsa2048:rsassa-sha256:null', hash: 'sha256', scheme: 'rsassa', name: 'sha256' },
  'rsa-2048-pss': { key: 'rsa2048:rsapss-sha256:null', hash: 'sha256', scheme: 'rsapss', name: 'sha256' },
  'rsa-3072': { key: 'rsa3072:rsassa-sha384:null', hash: 'sha384', scheme: 'rsassa', name: 'sha256' },
} as const;
export type AkKind = keyof typeof AK_KINDS;

const FIXED = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda';
const tail = (tpm2b: Uint8Array): Uint8Array => tpm2b.slice(2);

/** The parent of all keys here: a transient ECC storage root key, kept as srk.ctx. */
export async function createParent(tpm: Swtpm): Promise<void> {
  await tpm.tool('tpm2_createprimary', '-C', 'o', '-G', 'ecc256', '-c', 'srk.ctx');
  await tpm.tool('tpm2_flushcontext', '-t');
}

/** Creates an attestation key, has it certify its own creation and keeps it at a persistent handle. */
export async function createAk(tpm: Swtpm, kind: AkKind, handle: number): Promise<AkMaterial> {
  const { key, hash, scheme, name } = AK_KINDS[kind];
  const files = ['--creation-data', 'ak.cd', '-t', 'ak.ticket', '-d', 'ak.ch', '-u', 'ak.pub', '-r', 'ak.priv'];
  await tpm.tool('tpm2_create', '-C', 'srk.ctx', '-G', key, '-g', name, '-a', `${FIXED}|restricted|sign`, ...files);
  await tpm.tool('tpm2_flushcontext', '-t');
  await tpm.tool('tpm2_load', '-C', 'srk.ctx', '-u', 'ak.pub', '-r', 'ak.priv', '-c', 'ak.ctx');
  await tpm.tool('tpm2_flushcontext', '-t');
  const signing = ['-g', hash, '-s', scheme, '-f', 'tss', '-o', 'ak.sig', '--attestation', 'ak.attest'];
  await tpm.tool('tpm2_certifycreation', '-C', 'ak.ctx', '-c', 'ak.ctx', '-d', 'ak.ch', '-t', 'ak.ticket', ...signing);
  await tpm.tool('tpm2_flushcontext', '-t');
  await tpm.tool('tpm2_evictcontrol', '-C', 'o', '-c', 'ak.ctx', `0x${handle.toString(16)}`);
  await tpm.tool('tpm2_flushcontext', '-t');
  return {
    handle,
    public: tail(tpm.read('ak.pub')),
    creationData: tail(tpm.read('ak.cd')),
    attest: bare(tpm.read('ak.attest')),
    signature: tpm.read('ak.sig'),
  };
}

/** tpm2-tools write an attest with or without its size, depending on the command: the magic shows which. */
function bare(attest: Uint8Array): Uint8Array {
  return attest[0] === 0xff ? attest : tail(attest);
}

/** Creates a device key at a persistent handle; `attributes` as tpm2-tools write them. */
export async function createDeviceKey(
  tpm: Swtpm,
  key: string,
  handle: number,
  attributes = `${FIXED}|sign`,
): Promise<Uint8Array> {
  await tpm.tool('tpm2_create', '-C', 'srk.ctx', '-G', key, '-a', attributes, '-u', 'dk.pub', '-r', 'dk.priv');
  await tpm.tool('tpm2_flushcontext', '-t');
  await tpm.tool('tpm2_load', '-C', 'srk.ctx', '-u', 'dk.pub', '-r', 'dk.priv', '-c', 'dk.ctx');
  await tpm.tool('tpm2_flushcontext', '-t');
  await tpm.tool('tpm2_evictcontrol', '-C', 'o', '-c', 'dk.ctx', `0x${handle.toString(16)}`);
  await tpm.tool('tpm2_flushcontext', '-t');
  return tail(tpm.read('dk.pub'));
}

/** TPM2_Certify by its bytes, since tpm2_certify takes no qualifying data. */
export async function certify(
  tpm: Swtpm,
  subject: number,
  ak: number,
  extraData: Uint8Array,
): Promise<{ attest: Uint8Array; signature: Uint8Array }> {
  const password = createWriter().u32(0x40000009).u16(0).u8(0).u16(0).finish();
  const body = createWriter()
    .u32(0x148)
    .u32(subject)
    .u32(ak)
    .u32(password.length * 2)
    .bytes(password)
    .bytes(password);
  return attestation(tpm.port, body.tpm2b(extraData).u16(ALG.NULL).finish());
}

/** TPM2_Quote by its bytes, with the values of the same PCRs. */
export async function quote(
  tpm: Swtpm,
  ak: number,
  nonce: Uint8Array,
  selection: readonly PcrSelection[] = DEFAULT_PCR_SELECTION,
): Promise<QuoteMaterial> {
  const password = createWriter().u32(0x40000009).u16(0).u8(0).u16(0).finish();
  const body = createWriter().u32(0x158).u32(ak).u32(password.length).bytes(password).tpm2b(nonce).u16(ALG.NULL);
  const signed = await attestation(tpm.port, body.bytes(encodePcrSelections(selection)).finish());
  return { ...signed, pcrs: await readPcrs(tpm, selection) };
}

async function attestation(port: number, body: Uint8Array): Promise<{ attest: Uint8Array; signature: Uint8Array }> {
  const command = concat(
    createWriter()
      .u16(0x8002)
      .u32(6 + body.length)
      .finish(),
    body,
  );
  const reader = createReader(await submit(port, command), 'TPM response');
  reader.take(6);
  const rc = reader.u32();
  if (rc !== 0) throw new Error(`The TPM answered 0x${rc.toString(16)}.`);
  const parameters = createReader(reader.take(reader.u32()), 'parameters');
  const attest = parameters.tpm2b();
  return { attest, signature: parameters.take(parameters.remaining()) };
}

const BANK: Record<number, { name: string; size: number }> = {
  [ALG.SHA1]: { name: 'sha1', size: 20 },
  [ALG.SHA256]: { name: 'sha256', size: 32 },
  [ALG.SHA384]: { name: 'sha384', size: 48 },
  [ALG.SHA512]: { name: 'sha512', size: 64 },
};

export async function readPcrs(tpm: Swtpm, selection: readonly PcrSelection[]): Promise<PcrBank[]> {
  const banks: PcrBank[] = [];
  for (const { hash, pcrs } of selection) {
    const { name, size } = BANK[hash] ?? { name: '', size: 0 };
    await tpm.tool('tpm2_pcrread', `${name}:${pcrs.join(',')}`, '-o', 'pcrs.bin');
    const bytes = tpm.read('pcrs.bin');
    banks.push({ hash, values: pcrs.map((pcr, i) => ({ pcr, digest: bytes.slice(i * size, (i + 1) * size) })) });
  }
  return banks;
}

/** EKs that swtpm_setup leaves: handle and NV index of the certificate. */
export const SWTPM_EKS = {
  'rsa-2048': { handle: 0x81010001, nv: 0x01c00002 },
  'ecc-p384': { handle: 0x81010016, nv: 0x01c00016 },
} as const;

export async function readEk(
  tpm: Swtpm,
  ek: { handle: number; nv: number },
): Promise<{ public: Uint8Array; certificate: Uint8Array }> {
  await tpm.tool('tpm2_readpublic', '-c', `0x${ek.handle.toString(16)}`, '-o', 'ek.pub');
  await tpm.tool('tpm2_nvread', `0x${ek.nv.toString(16)}`, '-o', 'ek.nv');
  const ekPublic = tail(tpm.read('ek.pub'));
  parsePublic(ekPublic);
  return { public: ekPublic, certificate: tpm.read('ek.nv') };
}

/** Activates a credential in the TPM with tpm2_activatecredential; fails like the tool when the TPM refuses. */
export async function activate(
  tpm: Swtpm,
  ek: number,
  ak: number,
  credentialBlob: Uint8Array,
  encryptedSecret: Uint8Array,
): Promise<Uint8Array> {
  const magic = createWriter().u32(0xbadcc0de).u32(1).finish();
  tpm.write('cred.bin', concat(magic, credentialBlob, encryptedSecret));
  const hash = ek === SWTPM_EKS['ecc-p384'].handle ? 'sha384' : 'sha256';
  await tpm.tool('tpm2_startauthsession', '--policy-session', '-g', hash, '-S', 'session.ctx');
  try {
    await tpm.tool('tpm2_policysecret', '-S', 'session.ctx', '-c', 'e');
    // The high range is authorized by PolicyOR(PolicyA, PolicyC) or, as here, by its empty password.
    const auth = hash === 'sha384' ? [] : ['-P', 'session:session.ctx'];
    await tpm.tool(
      'tpm2_activatecredential',
      '-c',
      `0x${ak.toString(16)}`,
      '-C',
      `0x${ek.toString(16)}`,
      '-i',
      'cred.bin',
      '-o',
      'secret.bin',
      ...auth,
    );
    return tpm.read('secret.bin');
  } finally {
    await tpm.tool('tpm2_flushcontext', 'session.ctx');
  }
}

/** PEM files of the certificate authority that swtpm_setup made: the issuer's and the root's certificates as DER. */
export function swtpmAuthority(tpm: Swtpm): { root: Uint8Array; issuer: Uint8Array } {
  return { root: pem(tpm.read('ca/swtpm-localca-rootca-cert.pem')), issuer: pem(tpm.read('ca/issuercert.pem')) };
}

export function pem(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(
    Buffer.from(
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/-----[^-]+-----/g, ''),
      'base64',
    ),
  );
}
